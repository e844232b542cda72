/**
 * Streams of tokens against golden/detok: the text that is certain after every token, worked out by brute force over
 * continuations with the original tokenizers. Each file carries the tokens that its streams use.
 */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { detokenizers } from "../../src/chat/Detokenizer.js"

const Golden = Schema.parseJson(
  Schema.Struct({
    decoder: Schema.Unknown,
    special: Schema.Array(Schema.Int),
    tokens: Schema.Record({ key: Schema.String, value: Schema.String }),
    streams: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        skip: Schema.Boolean,
        ids: Schema.Array(Schema.Int),
        text: Schema.String,
        segments: Schema.Array(Schema.String),
        tail: Schema.String
      })
    )
  })
)
const golden = (family: string) =>
  Schema.decodeUnknownSync(Golden)(
    readFileSync(new URL(`../golden/detok/streams-${family}.json`, import.meta.url), "utf8")
  )

const never = () => false

describe("detokenizer", () => {
  for (const family of ["gpt2", "llama3", "qwen3", "tekken", "llama2", "mistral3", "gemma"]) {
    it(`sends the text of ${family} as early as it is certain`, () => {
      const { decoder, special, streams, tokens } = golden(family)
      const source = {
        decoder,
        token: (id: number) => tokens[String(id)] ?? null,
        decodeAll: (list: ReadonlyArray<string>) => list.join("")
      }
      const all = detokenizers({ ...source, isSpecial: never })
      const visible = detokenizers({ ...source, isSpecial: (id) => special.includes(id) })
      assert.isAbove(streams.length, 50)
      for (const { ids, name, segments, skip, tail, text } of streams) {
        const { finish, push } = (skip ? visible : all)()
        const sent = ids.map(push)
        const rest = finish()
        assert.deepStrictEqual({ name, sent, rest }, { name, sent: [...segments], rest: tail })
        assert.strictEqual(sent.join("") + rest, text)
      }
    })
  }

  it("falls back to decoding whole lists for a decoder it doesn't know, and loses nothing", () => {
    const start = detokenizers({
      decoder: { type: "WordPiece", prefix: "##", cleanup: true },
      isSpecial: never,
      token: (id) => ["to", "##ken", "##izer", "and", "text"][id] ?? null,
      decodeAll: (list) => list.join(" ").replaceAll(" ##", "")
    })
    const { finish, push } = start()
    const ids = [0, 1, 2, 3, 4, 3, 0, 1, 2]
    assert.strictEqual(ids.map(push).join("") + finish(), "tokenizer and text and tokenizer")
  })

  it("decodes no more than a window for each token, and the joined text is that of the whole list", () => {
    const words = ["to", "##ken", "##izer", "and", "text"]
    let longest = 0
    const decodeAll = (list: ReadonlyArray<string>) => {
      longest = Math.max(longest, list.length)
      return list.join(" ").replaceAll(" ##", "")
    }
    const start = detokenizers({
      decoder: { type: "WordPiece", prefix: "##", cleanup: true },
      isSpecial: never,
      token: (id) => words[id] ?? null,
      decodeAll
    })
    const ids = Array.from({ length: 5_000 }, (_, i) => (i * i + 3 * i) % 5)
    const { finish, push } = start()
    const text = ids.map(push).join("") + finish()
    assert.isAtMost(longest, 200)
    assert.strictEqual(text, decodeAll(ids.map((id) => words[id] ?? "")))
  })
})
