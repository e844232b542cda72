/** `detok/streams-<family>.json` and `detok/stops.json`: the text after every token, and where it is cut. */
import { join } from "node:path"
import { Schema } from "effect"
import { makeStopMatcher } from "../../src/chat/StopMatcher.js"
import type { Tokenizer } from "../../src/chat/Tokenizer.js"
import { loadTokenizer } from "./tokenizers.js"
import { firstDifference, namesIn, readCases, type Verdict, verdict } from "./Verdict.js"

const Texts = Schema.Array(Schema.String)
const Stream = Schema.Struct({
  name: Schema.String,
  ids: Schema.Array(Schema.Int),
  skip: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  text: Schema.String,
  segments: Texts,
  tail: Schema.String,
  wellformed: Schema.optional(Texts),
  wellformed_tail: Schema.optional(Schema.String)
})
type Stream = typeof Stream.Type
const Streams = Schema.Struct({ streams: Schema.Array(Stream) })

const BYTE_TOKEN = /^<0x([0-9A-F]{2})>$/

/** Whole characters of a run of bytes as they are, every other byte as one replacement character. */
const charactersOf = (run: Buffer): string => {
  let text = ""
  for (let start = 0; start < run.length; ) {
    const length = [1, 2, 3, 4].find((length) => {
      const part = run.subarray(start, start + length)
      return part.length === length && [...part.toString()].length === 1 && Buffer.from(part.toString()).equals(part)
    })
    text += length === undefined ? "\ufffd" : run.subarray(start, start + length).toString()
    start += length ?? 1
  }
  return text
}

const TokenizerJson = Schema.Struct({
  decoder: Schema.Unknown,
  model: Schema.Struct({ vocab: Schema.Unknown }),
  added_tokens: Schema.Array(Schema.Struct({ id: Schema.Int, content: Schema.String, special: Schema.Boolean }))
})
const isVocabulary = Schema.is(Schema.Record({ key: Schema.String, value: Schema.Int }))

/**
 * The text of a stream with a run of fallback bytes that isn't valid UTF-8. The data has none that could be sent early: one
 * bad byte makes the whole run bad, also what was sent of it. Null for other decoders.
 */
const brokenText = ({ added_tokens, decoder, model }: typeof TokenizerJson.Type, stream: Stream): string | null => {
  const steps = JSON.stringify(decoder)
  if (!steps.includes('"ByteFallback"') || !isVocabulary(model.vocab)) return null
  const tokens = new Map(Object.entries(model.vocab).map(([token, id]) => [id, token]))
  const hidden = new Set(added_tokens.flatMap(({ id, special }) => (special && stream.skip ? [id] : [])))
  for (const { content, id } of added_tokens) tokens.set(id, content)
  let text = ""
  let run: Array<number> = []
  for (const id of stream.ids) {
    const token = hidden.has(id) ? undefined : tokens.get(id)
    if (token === undefined) continue
    const byte = BYTE_TOKEN.exec(token)?.[1]
    if (byte === undefined) {
      text += charactersOf(Buffer.from(run)) + token.replaceAll("\u2581", " ")
      run = []
    } else run.push(Number.parseInt(byte, 16))
  }
  text += charactersOf(Buffer.from(run))
  return steps.includes('"Strip"') ? text.replace(/^ /, "") : text
}

/** Of the two ways the data allows for fallback bytes: whole characters at once. */
const checkStream = (tokenizer: Tokenizer, stream: Stream, broken: string | null) => {
  const { finish, push } = tokenizer.detokenizer(stream.skip ? undefined : () => true)
  const segments = stream.ids.map(push)
  const tail = finish()
  const text = segments.join("") + tail
  if (broken !== null && stream.text.includes("\ufffd")) return firstDifference({ text: [text, broken] })
  return firstDifference({
    segments: [segments, stream.wellformed ?? stream.segments],
    tail: [tail, stream.wellformed_tail ?? stream.tail],
    text: [text, stream.text]
  })
}

const Stops = Schema.Struct({
  cases: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      stops: Texts,
      segments: Texts,
      emitted: Texts,
      tail: Schema.String,
      text: Schema.String,
      matched: Schema.NullOr(Schema.String)
    })
  )
})

const checkStop = ({ emitted, matched, segments, stops, tail, text }: (typeof Stops.Type)["cases"][number]) => {
  const matcher = makeStopMatcher(stops)
  const sent = segments.map(matcher.push)
  const rest = matcher.finish()
  return firstDifference({
    emitted: [sent, emitted],
    tail: [rest, tail],
    text: [sent.join("") + rest, text],
    matched: [matcher.matched(), matched]
  })
}

export async function* checkDetok(directory: string): AsyncGenerator<Verdict> {
  for (const file of namesIn(directory, "detok")) {
    const family = /^streams-(.+)\.json$/.exec(file)?.[1]
    if (family === undefined) continue
    const folder = join(directory, "tokenizers", family)
    const tokenizer = await loadTokenizer(folder)
    const json = readCases(TokenizerJson, folder, "tokenizer.json")
    for (const stream of readCases(Streams, directory, "detok", file).streams) {
      yield verdict(`detok/${family} ${stream.name}`, () => checkStream(tokenizer, stream, brokenText(json, stream)))
    }
  }
  if (namesIn(directory, "detok").includes("stops.json")) {
    for (const expected of readCases(Stops, directory, "detok", "stops.json").cases) {
      yield verdict(`detok/stops ${expected.name}`, () => checkStop(expected))
    }
  }
}
