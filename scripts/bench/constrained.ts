/** `npm run bench:constrained`: time and processor time to the first mask, and per mask, over a vocabulary of 152,000 tokens. */
import { loadavg } from "node:os"
import { performance } from "node:perf_hooks"
import { Effect, Either } from "effect"
import { constraintGrammar } from "../../src/chat/constrained/Constraints.js"
import { grammarEntry, makeGrammars } from "../../src/runner/Grammars.js"
import { SCHEMAS } from "../check/constrained-cases.js"
import { makeRandom, type Random } from "../check/Random.js"

const TOKENS = 152_000
const WARM_UP = 50
const MEASURED = 300
const END = TOKENS - 1

const utf8 = new TextEncoder()
const LETTERS = "etaoinshrdlucmfwypvbgkjqxz"

const SIGNS = [
  '"',
  '"',
  ":",
  ",",
  "{",
  "}",
  "[",
  "]",
  "(",
  ")",
  "-",
  ".",
  "\\",
  "/",
  "<",
  ">",
  "_",
  "=",
  "\n",
  " "
] as const
/** The first code point of a script and how many of it there are. */
interface Script {
  readonly first: number
  readonly count: number
}
const SCRIPTS: readonly [Script, ...Array<Script>] = [
  { first: 0xe0, count: 60 },
  { first: 0x400, count: 90 },
  { first: 0x620, count: 40 },
  { first: 0x3040, count: 90 },
  { first: 0x4e00, count: 8000 },
  { first: 0xac00, count: 8000 },
  { first: 0x1f600, count: 60 }
]

/** Pieces as byte-pair merges make them: words, many behind a space and some behind a sign, runs of signs, other scripts, halves of characters. */
const piece = (random: Random): Uint8Array => {
  const times = <A>(n: number, make: () => A) => Array.from({ length: n }, make)
  const kind = random.below(100)
  if (kind < 78) {
    const letters = times(2 + random.below(9), () => LETTERS[random.below(random.below(LETTERS.length) + 1)] ?? "e")
    return utf8.encode((random.chance(0.5) ? " " : random.chance(0.05) ? random.pick(SIGNS) : "") + letters.join(""))
  }
  if (kind < 80) return utf8.encode(times(2 + random.below(4), () => random.pick(SIGNS)).join(""))
  const { count, first } = random.pick(SCRIPTS)
  const bytes = utf8.encode(
    times(1 + random.below(4), () => String.fromCodePoint(first + random.below(count))).join("")
  )
  return random.chance(0.1) ? bytes.subarray(0, -1) : bytes
}

const vocabulary = (): ReadonlyArray<Uint8Array> => {
  const random = makeRandom(7)
  const pieces = new Map<string, Uint8Array>()
  while (pieces.size < TOKENS - 257) {
    const bytes = piece(random)
    pieces.set(bytes.join(), bytes)
  }
  return [...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)), ...pieces.values(), new Uint8Array()]
}

const bytes = vocabulary()
const tokenizer = {
  bytesOf: (id: number) => bytes[id] ?? null,
  idOf: () => null,
  specialIds: new Set([END]),
  vocabularySize: () => TOKENS
}
const grammars = makeGrammars({ tokenizer, endIds: new Set([END]), entry: grammarEntry() })
const model = { toolFormat: null, harmony: false, hasToken: () => false }

const isAllowed = (mask: Int32Array, id: number): boolean => (((mask[id >> 5] ?? 0) >>> (id & 31)) & 1) === 1

/** Any allowed token; single bytes where a random one isn't found soon. */
const choose = (mask: Int32Array, random: Random): number => {
  for (let tries = 0; tries < 2000; tries++) {
    const id = random.below(TOKENS)
    if (isAllowed(mask, id)) return id
  }
  for (let id = 0; id < TOKENS; id++) if (isAllowed(mask, id)) return id
  return END
}

const milliseconds = (value: number) => value.toFixed(2).padStart(10)

/** Processor time of all threads so far, in milliseconds. */
const processor = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
}

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

/** The wait for a mask right after its token, with the way to the thread and back: nothing is computed meanwhile. */
const measure = (schema: unknown) =>
  Effect.gen(function* () {
    const begun = performance.now()
    const begunAt = processor()
    const grammar = Either.getOrThrow(constraintGrammar({ _tag: "JsonSchema", schema, strict: false }, model))
    const random = makeRandom(1)
    let [compile, compileWork] = [0, 0]
    const times: Array<number> = []
    const works: Array<number> = []
    for (let count = 0; count < WARM_UP + MEASURED; ) {
      yield* Effect.gen(function* () {
        const matcher = yield* grammars.start(grammar)
        if (count === 0) [compile, compileWork] = [performance.now() - begun, processor() - begunAt]
        let mask = yield* matcher.mask
        while (mask !== null && count < WARM_UP + MEASURED) {
          const token = choose(mask, random)
          if (token === END) break
          const [from, at] = [performance.now(), processor()]
          matcher.accept(token)
          mask = yield* matcher.mask
          if (count++ < WARM_UP) continue
          times.push(performance.now() - from)
          works.push(processor() - at)
        }
        count++ // so that a text of one token comes to an end, too
      }).pipe(Effect.scoped)
    }
    const all = [compile, compileWork, mean(times), mean(works)]
    times.sort((a, b) => a - b)
    return [...all, times[times.length >> 1] ?? 0, times[Math.floor(times.length * 0.99)] ?? 0]
  })

const started = performance.now()
await Effect.runPromise(measure({ const: 1 }))
console.log(`thread, engine and vocabulary of ${TOKENS} tokens: ${milliseconds(performance.now() - started)} ms, once`)
const columns = ["compile", "processor", "mean", "processor", "median", "99%"]
console.log(
  `${"schema".padEnd(26)}${columns.map((name) => name.padStart(10)).join("")}   (ms; compile: to the first mask)`
)
for (const [name, schema] of SCHEMAS) {
  const figures = await Effect.runPromise(measure(schema))
  console.log(`${name.padEnd(26)}${figures.map(milliseconds).join("")}`)
}
console.log(
  `load ${loadavg()
    .map((load) => load.toFixed(1))
    .join(" ")}`
)
// The thread of the grammars waits for the next one.
process.exit(0)
