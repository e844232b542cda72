/**
 * Tokens and text: tokens detokenized per second for every reference tokenizer, and characters encoded per second against
 * Python's tokenizers in the same run; seconds of processor time, which a busy machine doesn't change; the last line is JSON.
 *
 * npm run bench:text -- [--python PYTHON] [--directory DIR] [--only FAMILY]
 *
 * Without `--python` (an interpreter that has tokenizers) only our own figures are printed.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import type { Tokenizer } from "../../src/chat/Tokenizer.js"
import { loadTokenizer } from "../check/tokenizers.js"
import { namesIn } from "../check/Verdict.js"

const { values } = parseArgs({
  options: {
    python: { type: "string" },
    directory: { type: "string", default: "test/golden" },
    only: { type: "string" }
  }
})
const root = join(values.directory, "tokenizers")

const ROUNDS = 8
const STREAM_TOKENS = 400_000
const TEXTS = 10
const TEXT_CHARS = 20_000

/** The reference texts of a family, again and again. */
const textsOf = (family: string): ReadonlyArray<string> => {
  const { encode } = JSON.parse(readFileSync(join(root, family, "cases.json"), "utf8"))
  const cases: ReadonlyArray<{ readonly text: string }> = encode
  const all = cases.map(({ text }) => text).join(" ")
  const whole = all.repeat(Math.ceil((TEXTS * TEXT_CHARS) / all.length) + 1)
  const part = (i: number) => whole.slice(i * TEXT_CHARS, (i + 1) * TEXT_CHARS)
  // Python takes no halves of surrogate pairs.
  return Array.from({ length: TEXTS }, (_, i) => part(i).replaceAll(/\p{Cs}/gu, ""))
}

/** Units per second of processor time in the best round: what else runs on the machine only makes one slower. */
const speed = async (units: number, round: () => unknown): Promise<number> => {
  let best = 0
  for (let i = 0; i < ROUNDS; i++) {
    const start = process.cpuUsage()
    await round()
    const { system, user } = process.cpuUsage(start)
    best = Math.max(best, (units * 1e6) / (user + system))
  }
  return best
}

const encodeAll = async (tokenizer: Tokenizer, texts: ReadonlyArray<string>) => {
  const all: Array<ReadonlyArray<number>> = []
  for (const text of texts) all.push(await Effect.runPromise(tokenizer.encode(text, { addSpecialTokens: false })))
  return all
}

const detokenize = (tokenizer: Tokenizer, ids: ReadonlyArray<number>): number => {
  const { finish, push } = tokenizer.detokenizer()
  let length = 0
  for (const id of ids) length += push(id).length
  return length + finish().length
}

/** The same texts one by one, the ids as a list each, the best of the rounds. */
const PYTHON = `
import json, sys, time, tokenizers
tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1])
texts = json.load(open(sys.argv[2], encoding="utf-8"))
chars, rounds = int(sys.argv[3]), []
for _ in range(${ROUNDS}):
    start = time.process_time()
    for text in texts:
        tokenizer.encode(text, add_special_tokens=False).ids
    rounds.append(chars / (time.process_time() - start))
print(max(rounds))
`

const theirs = (python: string, family: string, texts: ReadonlyArray<string>, chars: number): number => {
  const directory = mkdtempSync(join(tmpdir(), "mlxk-bench-"))
  try {
    writeFileSync(join(directory, "texts.json"), JSON.stringify(texts))
    const args = ["-c", PYTHON, join(root, family, "tokenizer.json"), join(directory, "texts.json"), String(chars)]
    const { status, stderr, stdout } = spawnSync(python, args, {
      encoding: "utf8",
      env: { ...process.env, TOKENIZERS_PARALLELISM: "false" }
    })
    if (status !== 0) throw new Error(stderr)
    return Number(stdout)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const measure = async (family: string) => {
  const tokenizer = await loadTokenizer(join(root, family))
  const texts = textsOf(family)
  const chars = texts.reduce((sum, text) => sum + text.length, 0)
  const ids = (await encodeAll(tokenizer, texts)).flat()
  const stream = Array.from({ length: STREAM_TOKENS }, (_, i) => ids[i % ids.length] ?? 0)
  const detokenized = await speed(STREAM_TOKENS, () => detokenize(tokenizer, stream))
  const encoded = await speed(chars, () => encodeAll(tokenizer, texts))
  const reference = values.python === undefined ? null : theirs(values.python, family, texts, chars)
  return {
    family,
    detokenizedTokensPerSecond: Math.round(detokenized),
    encodedCharsPerSecond: Math.round(encoded),
    encodeRatio: reference === null ? null : Number((encoded / reference).toFixed(2))
  }
}

const results: Array<Awaited<ReturnType<typeof measure>>> = []
for (const family of namesIn(root).filter((name) => !name.endsWith(".json") && (values.only ?? name) === name)) {
  const result = await measure(family)
  results.push(result)
  const { detokenizedTokensPerSecond, encodedCharsPerSecond, encodeRatio } = result
  const million = (figure: number) => `${(figure / 1e6).toFixed(2)} M`
  const ratio = encodeRatio === null ? "" : `, ${encodeRatio} of Python's`
  console.log(
    `${family}: ${million(detokenizedTokensPerSecond)} tokens/s detokenized, ${million(encodedCharsPerSecond)} chars/s encoded${ratio}`
  )
}
console.log(JSON.stringify({ load: loadavg()[0], results }))
