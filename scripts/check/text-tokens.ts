/** Random texts for every tokenizer below a folder, encoded and decoded here and by Python's transformers in the same run. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { Effect, Schema } from "effect"
import { makeRandom } from "./Random.js"
import { loadTokenizer } from "./tokenizers.js"
import { firstDifference, namesIn } from "./Verdict.js"

const PYTHON = `
import json, sys
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
texts = json.load(open(sys.argv[2], encoding="utf-8"))
results = []
for text in texts:
    ids = tokenizer.encode(text, add_special_tokens=False)
    special = tokenizer.encode(text, add_special_tokens=True)
    skipped = tokenizer.decode(special, skip_special_tokens=True)
    results.append({"ids": ids, "special": special, "decoded": tokenizer.decode(ids), "skipped": skipped})
json.dump(results, open(sys.argv[3], "w", encoding="utf-8"))
`

const Results = Schema.parseJson(
  Schema.Array(
    Schema.Struct({
      ids: Schema.Array(Schema.Int),
      special: Schema.Array(Schema.Int),
      decoded: Schema.String,
      skipped: Schema.String
    })
  )
)
const AddedTokens = Schema.parseJson(
  Schema.Struct({ added_tokens: Schema.Array(Schema.Struct({ content: Schema.String })) })
)

/** Ranges of characters, from one letter's alphabet to everything. */
const RANGES: ReadonlyArray<readonly [first: number, last: number]> = [
  [0x20, 0x7e],
  [0x61, 0x7a],
  [0xa0, 0x24f],
  [0x300, 0x36f],
  [0x370, 0x6ff],
  [0x900, 0xdff],
  [0x2000, 0x2bff],
  [0x3000, 0x30ff],
  [0x4e00, 0x9fff],
  [0xac00, 0xd7a3],
  [0xe000, 0xffff],
  [0x1f300, 0x1faff],
  [0, 0x1f]
]
const PARTS = [
  " ",
  "  ",
  "\n",
  "\n\n",
  "\t",
  "the",
  " The",
  " 123",
  "'s",
  "'t",
  " '",
  ".",
  ",",
  "(",
  "▁",
  "Ġ",
  "ß",
  "İ",
  "e\u0301",
  "日本",
  "👨‍👩‍👧",
  "<",
  "|>"
]

const randomTexts = (count: number, seed: number, tokens: ReadonlyArray<string>): ReadonlyArray<string> => {
  const { below: random } = makeRandom(seed)
  const character = (): string => {
    const [first, last] = RANGES[random(RANGES.length)] ?? [0x61, 0x7a]
    return String.fromCodePoint(first + random(last - first + 1))
  }
  const piece = (): string => {
    const kind = random(8)
    if (kind === 0) return tokens[random(tokens.length)] ?? ""
    return kind < 5 ? (PARTS[random(PARTS.length)] ?? "") : Array.from({ length: random(6) }, character).join("")
  }
  return Array.from({ length: count }, () => Array.from({ length: random(16) }, piece).join(""))
}

const theirs = (python: string, folder: string, texts: ReadonlyArray<string>) => {
  const directory = mkdtempSync(join(tmpdir(), "mlxk-check-"))
  try {
    const [input, output] = [join(directory, "texts.json"), join(directory, "results.json")]
    writeFileSync(input, JSON.stringify(texts))
    const env = {
      ...process.env,
      HF_HUB_OFFLINE: "1",
      TOKENIZERS_PARALLELISM: "false",
      TRANSFORMERS_VERBOSITY: "error"
    }
    const { status, stderr } = spawnSync(python, ["-c", PYTHON, resolve(folder), input, output], {
      encoding: "utf8",
      env
    })
    if (status !== 0) throw new Error(stderr)
    return Schema.decodeUnknownSync(Results)(readFileSync(output, "utf8"))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

export interface Counts {
  readonly passed: number
  readonly failed: number
}

interface Run {
  readonly python: string
  readonly count: number
  readonly seed: number
}

const compare = async (folder: string, { count, python, seed }: Run): Promise<Counts> => {
  const { added_tokens } = Schema.decodeUnknownSync(AddedTokens)(readFileSync(join(folder, "tokenizer.json"), "utf8"))
  const texts = randomTexts(
    count,
    seed,
    added_tokens.map(({ content }) => content)
  )
  const tokenizer = await loadTokenizer(folder)
  const expected = theirs(python, folder, texts)
  const encode = (text: string, addSpecialTokens: boolean) =>
    Effect.runPromise(tokenizer.encode(text, { addSpecialTokens }))
  let failed = 0
  for (const [index, text] of texts.entries()) {
    const [ids, special] = [await encode(text, false), await encode(text, true)]
    const { decoded, skipped, ...theirIds } = expected[index] ?? { ids: [], special: [], decoded: "", skipped: "" }
    const problem = firstDifference({
      ids: [ids, theirIds.ids],
      "ids with special tokens": [special, theirIds.special],
      decoded: [tokenizer.decode(ids, { skipSpecialTokens: false }), decoded],
      "without special tokens": [tokenizer.decode(special, { skipSpecialTokens: true }), skipped]
    })
    if (problem === null) continue
    failed++
    console.log(`FAIL ${folder} ${JSON.stringify(text)}: ${problem}`)
  }
  return { passed: texts.length - failed, failed }
}

/** Prints each difference. `count` texts for each tokenizer. */
export const checkTexts = async (directory: string, run: Run): Promise<Counts> => {
  let [passed, failed] = [0, 0]
  for (const family of namesIn(directory, "tokenizers").filter((name) => !name.endsWith(".json"))) {
    const counts = await compare(join(directory, "tokenizers", family), run)
    passed += counts.passed
    failed += counts.failed
    console.log(`${family}: ${counts.passed} texts passed, ${counts.failed} failed`)
  }
  return { passed, failed }
}
