/**
 * Tokens and text: tokens detokenized per second for every reference tokenizer, and the speed of encoding against Python's
 * tokenizers; seconds of processor time, the last line is JSON.
 *
 * npm run bench:text -- [--python PYTHON] [--directory DIR] [--only FAMILY]
 *
 * For encoding both sides have a process of their own per family and take turns, as the clock of a machine changes within
 * seconds: the ratio is the median of those of the turns. Ours is bundled, as it ships. Without `--python` (an interpreter that has tokenizers) only our own
 * figures are printed.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { buildSync } from "esbuild"
import type { Tokenizer } from "../../../src/chat/Tokenizer.js"
import { loadTokenizer } from "../../check/tokenizers.js"
import { namesIn } from "../../check/Verdict.js"

const { values } = parseArgs({
  options: {
    python: { type: "string" },
    directory: { type: "string", default: "test/golden" },
    only: { type: "string" }
  }
})
const root = join(values.directory, "tokenizers")

const STREAM_ROUNDS = 8
const STREAM_TOKENS = 400_000
const TURNS = 15
const WARM_UPS = 3
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

const median = (numbers: ReadonlyArray<number>): number => {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

const detokenize = (tokenizer: Tokenizer, ids: ReadonlyArray<number>): number => {
  const { finish, push } = tokenizer.detokenizer()
  let length = 0
  for (const id of ids) length += push(id).length
  return length + finish().length
}

/** Tokens per second in the best round: what else runs on the machine only makes one slower. */
const detokenizing = async (family: string, texts: ReadonlyArray<string>): Promise<number> => {
  const tokenizer = await loadTokenizer(join(root, family))
  const encoded = await Effect.runPromise(
    Effect.forEach(texts, (text) => tokenizer.encode(text, { addSpecialTokens: false }))
  )
  const ids = encoded.flat()
  const stream = Array.from({ length: STREAM_TOKENS }, (_, i) => ids[i % ids.length] ?? 0)
  const rounds = Array.from({ length: STREAM_ROUNDS }, () => {
    const start = process.cpuUsage()
    detokenize(tokenizer, stream)
    const { system, user } = process.cpuUsage(start)
    return (system + user) / 1e6
  })
  return STREAM_TOKENS / Math.min(...rounds)
}

/** A process that encodes all texts once for each call, and gives the seconds it took. */
const encoder = (command: string, args: ReadonlyArray<string>) => {
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, TOKENIZERS_PARALLELISM: "false" }
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    round: async (): Promise<number> => {
      child.stdin.write("\n")
      const { done, value } = await lines.next()
      if (done === true) throw new Error(`${command} failed`)
      return Number(value)
    },
    stop: () => child.stdin.end()
  }
}

/** Inside of the repository, where the native package is found. */
const bundle = join(import.meta.dirname, "../../../node_modules/.cache/mlxk-bench/encode.mjs")
buildSync({
  entryPoints: [join(import.meta.dirname, "encode.ts")],
  outfile: bundle,
  bundle: true,
  platform: "node",
  format: "esm",
  external: ["tokenizers"]
})

interface Turn {
  readonly ours: number
  readonly theirs: number | null
}

const encoding = async (family: string, texts: ReadonlyArray<string>): Promise<ReadonlyArray<Turn>> => {
  const directory = mkdtempSync(join(tmpdir(), "mlxk-bench-"))
  const args = [join(root, family), join(directory, "texts.json")]
  writeFileSync(join(directory, "texts.json"), JSON.stringify(texts))
  const ours = encoder(process.execPath, [bundle, ...args])
  const theirs =
    values.python === undefined ? null : encoder(values.python, [join(import.meta.dirname, "encode.py"), ...args])
  try {
    const turns: Array<Turn> = []
    for (let i = 0; i < WARM_UPS + TURNS; i++) {
      turns.push({ ours: await ours.round(), theirs: theirs === null ? null : await theirs.round() })
    }
    return turns.slice(WARM_UPS)
  } finally {
    ours.stop()
    theirs?.stop()
    rmSync(directory, { recursive: true })
  }
}

const measure = async (family: string) => {
  const texts = textsOf(family)
  const chars = texts.reduce((sum, text) => sum + text.length, 0)
  const turns = await encoding(family, texts)
  const ratios = turns.flatMap(({ ours, theirs }) => (theirs === null ? [] : [theirs / ours]))
  return {
    family,
    detokenizedTokensPerSecond: Math.round(await detokenizing(family, texts)),
    encodedCharsPerSecond: Math.round(chars / median(turns.map(({ ours }) => ours))),
    encodeRatio: ratios.length === 0 ? null : Number(median(ratios).toFixed(2))
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
const geometricMean = (numbers: ReadonlyArray<number>) =>
  Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length)
const encodeRatio = geometricMean(results.flatMap(({ encodeRatio }) => encodeRatio ?? [])).toFixed(2)
console.log(JSON.stringify({ load: loadavg()[0], encodeRatio: Number(encodeRatio), results }))
