/** `npm run bench:constrained`: time to the first mask, and per mask, over a vocabulary of 152,000 tokens. */
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

/** Words as byte-pair merges make them: letters by their frequency, half of them after a space, some digits, marks and accents. */
const word = (random: Random): string => {
  const letters = Array.from({ length: 2 + random.below(9) }, () => {
    const rare = random.below(LETTERS.length)
    return random.chance(0.04)
      ? random.pick(['"', ":", ",", "{", "}", "[", "]", "-", "0", "7", "é", "я", "中", "\n"])
      : (LETTERS[random.below(rare + 1)] ?? "e")
  })
  return (random.chance(0.5) ? " " : "") + letters.join("")
}

const vocabulary = (): ReadonlyArray<Uint8Array> => {
  const random = makeRandom(7)
  const words = new Set<string>()
  while (words.size < TOKENS - 257) words.add(word(random))
  return [
    ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
    ...Array.from(words, (text) => utf8.encode(text)),
    new Uint8Array()
  ]
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

const milliseconds = (value: number) => value.toFixed(2).padStart(9)

/** The wait for a mask right after its token, with the way to the thread and back: nothing is computed meanwhile. */
const measure = (schema: unknown) =>
  Effect.gen(function* () {
    const begun = performance.now()
    const grammar = Either.getOrThrow(constraintGrammar({ _tag: "JsonSchema", schema, strict: false }, model))
    const random = makeRandom(1)
    let compile = 0
    const times: Array<number> = []
    for (let count = 0; count < WARM_UP + MEASURED; ) {
      yield* Effect.gen(function* () {
        const matcher = yield* grammars.start(grammar)
        if (count === 0) compile = performance.now() - begun
        let mask = yield* matcher.mask
        while (mask !== null && count < WARM_UP + MEASURED) {
          const token = choose(mask, random)
          if (token === END) break
          const from = performance.now()
          matcher.accept(token)
          mask = yield* matcher.mask
          if (count++ >= WARM_UP) times.push(performance.now() - from)
        }
        count++ // so that a text of one token comes to an end, too
      }).pipe(Effect.scoped)
    }
    times.sort((a, b) => a - b)
    const mean = times.reduce((sum, time) => sum + time, 0) / Math.max(1, times.length)
    return { compile, mean, median: times[times.length >> 1] ?? 0, late: times[Math.floor(times.length * 0.99)] ?? 0 }
  })

const started = performance.now()
await Effect.runPromise(measure({ const: 1 }))
console.log(`thread, engine and vocabulary of ${TOKENS} tokens: ${milliseconds(performance.now() - started)} ms, once`)
console.log(`${"schema".padEnd(26)}  compile     mean   median      99%   (ms; compile is the first mask)`)
for (const [name, schema] of SCHEMAS) {
  const { compile, late, mean, median } = await Effect.runPromise(measure(schema))
  console.log(`${name.padEnd(26)}${[compile, mean, median, late].map(milliseconds).join("")}`)
}
