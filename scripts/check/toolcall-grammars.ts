/** Random calls of random tools, held to the grammar of a format, read back and validated by a validator that isn't ours. */
import { Ajv2020 } from "ajv/dist/2020.js"
import { default as addFormats } from "ajv-formats"
import { Effect, Either } from "effect"
import { answerStream } from "../../src/chat/AnswerStream.js"
import { constraintGrammar } from "../../src/chat/constrained/Constraints.js"
import type { VocabularySource } from "../../src/chat/constrained/Vocabulary.js"
import { TOOL_FORMATS, type ToolFormatName, toolMarks } from "../../src/chat/toolcalls/Formats.js"
import { isObject } from "../../src/domain/JsonFile.js"
import { grammarEntry, makeGrammars } from "../../src/runner/Grammars.js"
import { makeRandom, type Random } from "./Random.js"
import { toolOf } from "./random-tools.js"
import type { Verdict } from "./Verdict.js"

const utf8 = new TextEncoder()

/** Pieces that end things early, or look as if they did. */
const PIECES = [
  ...[
    "</",
    "<",
    ">",
    "parameter>",
    "</parameter>",
    "</function>",
    "function=",
    "<parameter=",
    "</arg_value>",
    "<arg_key>"
  ],
  ...[
    "</invoke>",
    "<invoke name=",
    "escape>",
    "<escape>",
    '<|"|>',
    '"|>',
    "<tool_call>",
    "</tool_call>",
    "[TOOL_CALLS]",
    "[ARGS]"
  ],
  ...[
    "null",
    "NULL",
    "None",
    "nil",
    "nu",
    "ll",
    "true",
    "false",
    "True",
    "12",
    "1.5",
    "e5",
    "-",
    '"}',
    '",',
    "\n\n",
    "  ",
    "{a",
    ",b:",
    "call:"
  ],
  ...["é", "日本", "😀", "\u00a0", "\u2003", "\ufeff", "\\", "\\/", "\\n", "\\u00e9", "'", "['", "}}", "]", ")]"]
]

/** The marks of a format as tokens of their own, all bytes, and the pieces. */
const vocabulary = (format: ToolFormatName): VocabularySource => {
  const marks = toolMarks(format)
  const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte))
  const tokens = [
    new Uint8Array(),
    ...marks.map((mark) => utf8.encode(mark)),
    ...bytes,
    ...PIECES.map((piece) => utf8.encode(piece))
  ]
  return {
    bytesOf: (id) => tokens[id] ?? null,
    idOf: (text) => (marks.includes(text) ? 1 + marks.indexOf(text) : null),
    specialIds: new Set([0, ...marks.map((_, index) => index + 1)]),
    vocabularySize: () => tokens.length
  }
}

const allowedBy = (mask: Int32Array): ReadonlyArray<number> =>
  Array.from(mask).flatMap((word, index) =>
    Array.from({ length: 32 }, (_, bit) => bit).flatMap((bit) => ((word >>> bit) & 1 ? [index * 32 + bit] : []))
  )

const MAX_TOKENS = 400

/** Tokens that bring a call to its end, tried more often: else most would be cut off. */
const isClosing = (bytes: Uint8Array | null): boolean =>
  bytes !== null && /^(?:<\/?|[}\])">,/]|<.*>)$/.test(new TextDecoder().decode(bytes))

const choose = (
  allowed: ReadonlyArray<number>,
  closing: (id: number) => boolean,
  hurry: number,
  random: Random
): number => {
  const preferred = random.chance(hurry) ? allowed.filter(closing) : []
  const from = preferred.length > 0 ? preferred : allowed
  return from[random.below(from.length)] ?? 0
}

export interface GrammarCheck {
  readonly format: ToolFormatName
  /** Sets of tools. */
  readonly runs: number
  /** Answers of each. */
  readonly count: number
  readonly seed: number
}

/** A verdict for each set of tools; `refused` tells why one can't be kept, which is no failure. */
export async function* checkToolGrammars({
  count,
  format,
  runs,
  seed
}: GrammarCheck): AsyncGenerator<Verdict & { readonly finished: number; readonly refused: string | null }> {
  const random = makeRandom(seed)
  const source = vocabulary(format)
  const grammars = makeGrammars({ tokenizer: source, endIds: new Set([0]), entry: grammarEntry() })
  const ajv = new Ajv2020({ strict: false })
  addFormats.default(ajv)
  const model = {
    toolFormat: format,
    harmony: format === "harmony",
    hasToken: (text: string) => source.idOf(text) !== null
  }

  const write = (constraint: Parameters<typeof constraintGrammar>[0]) =>
    Effect.gen(function* () {
      const matcher = yield* grammars.start(yield* constraintGrammar(constraint, model))
      const bytes: Array<number> = []
      for (let tokens = 0; tokens < MAX_TOKENS; tokens++) {
        const mask = yield* matcher.mask
        if (mask === null) return { bytes, finished: true }
        const allowed = allowedBy(mask)
        if (allowed.length === 0)
          return yield* Effect.dieMessage(`stuck after ${new TextDecoder().decode(Uint8Array.from(bytes))}`)
        const id = choose(
          allowed,
          (id) => id === 0 || isClosing(source.bytesOf(id)),
          Math.min(0.9, 0.2 + tokens / 100),
          random
        )
        if (id === 0) return { bytes, finished: true }
        bytes.push(...(source.bytesOf(id) ?? []))
        matcher.accept(id)
      }
      return { bytes, finished: false }
    }).pipe(Effect.scoped)

  for (let run = 0; run < runs; run++) {
    const tools = ["get_weather", "f-2", "x"].slice(0, 1 + random.below(3)).map((name) => toolOf(random, name))
    const constraint = { _tag: "ToolCalls", tools, parallel: random.chance(0.5) } as const
    const name = `${format} ${run}`
    const grammar = constraintGrammar(constraint, model)
    if (Either.isLeft(grammar)) {
      const { keyword, path, problem } = grammar.left
      yield { name, problem: null, finished: 0, refused: `${keyword} at ${path}: ${problem}` }
      continue
    }
    const shown = tools.map(({ name, parameters }) => ({
      type: "function",
      function: { name, ...(parameters === undefined ? {} : { parameters }) }
    }))
    const problemOf = (text: string): string | null => {
      const stream = answerStream({
        reasoning: null,
        promptOpen: false,
        toolFormat: format,
        tools: shown,
        maxCalls: 1000,
        stop: [],
        newCallId: () => "id"
      })
      const events = [
        ...stream.push(text + (format === "harmony" ? "<|call|>" : "")),
        ...stream.finish("stop").events
      ].filter(({ _tag }) => _tag !== "Reasoning")
      if (events.length === 0) return "there is no call"
      for (const event of events) {
        if (event._tag !== "ToolCall") return `'${event.text}' is no call`
        const tool = tools.find(({ name }) => name === event.call.name)
        const args: unknown = JSON.parse(event.call.arguments)
        if (tool === undefined) return `there is no tool '${event.call.name}'`
        if (
          tool.parameters === undefined
            ? !(isObject(args) && Object.keys(args).length === 0)
            : !ajv.validate(isObject(tool.parameters) ? tool.parameters : {}, args)
        ) {
          return `${event.call.arguments}: ${ajv.errorsText()}`
        }
      }
      return null
    }
    let finished = 0
    let problem: string | null = null
    for (let answer = 0; answer < count && problem === null; answer++) {
      const written = await Effect.runPromise(write(constraint))
      if (!written.finished) continue
      finished++
      const text = new TextDecoder().decode(Uint8Array.from(written.bytes))
      const found = problemOf(text)
      if (found !== null) problem = `${found} in ${JSON.stringify(text)} of ${JSON.stringify(tools)}`
    }
    yield { name, problem, finished, refused: null }
  }
}

export const FORMAT_NAMES = Object.keys(TOOL_FORMATS).filter((name): name is ToolFormatName =>
  Object.hasOwn(TOOL_FORMATS, name)
)
