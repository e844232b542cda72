/** `tokenizers/<family>/cases.json`: encoding, decoding and pairs against the original tokenizers. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Schema } from "effect"
import { makeTokenizer, type Tokenizer } from "../../src/chat/Tokenizer.js"
import { firstDifference, namesIn, readCases, type Verdict } from "./Verdict.js"

const Ids = Schema.Array(Schema.Int)
const Cases = Schema.Struct({
  special_ids_all: Ids,
  encode: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      text: Schema.String,
      ids: Ids,
      special_ids: Schema.optional(Ids),
      decoded: Schema.String,
      special_decoded: Schema.optional(Schema.String),
      skip_decoded: Schema.optional(Schema.String)
    })
  ),
  decode: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      ids: Ids,
      decoded: Schema.String,
      skip_decoded: Schema.optional(Schema.String)
    })
  ),
  pairs: Schema.optionalWith(
    Schema.Array(Schema.Struct({ text: Schema.String, pair: Schema.String, ids: Ids, type_ids: Ids })),
    { default: () => [] }
  )
})
type Cases = typeof Cases.Type

/** The tokenizer of a folder that has tokenizer.json and tokenizer_config.json. */
export const loadTokenizer = (folder: string): Promise<Tokenizer> => {
  const read = (file: string) => readFileSync(join(folder, file), "utf8")
  const tokenizerConfig: unknown = JSON.parse(read("tokenizer_config.json"))
  return Effect.runPromise(
    makeTokenizer(folder, read("tokenizer.json"), { tokenizerConfig, specialTokensMap: null, addedTokens: null })
  )
}

const checkEncode = async (tokenizer: Tokenizer, expected: Cases["encode"][number]) => {
  const encode = (addSpecialTokens: boolean) => Effect.runPromise(tokenizer.encode(expected.text, { addSpecialTokens }))
  const [ids, specialIds] = [await encode(false), await encode(true)]
  const { decoded } = expected
  return firstDifference({
    ids: [ids, expected.ids],
    "ids with special tokens": [specialIds, expected.special_ids ?? expected.ids],
    decoded: [tokenizer.decode(ids, { skipSpecialTokens: false }), decoded],
    "decoded with special tokens": [
      tokenizer.decode(specialIds, { skipSpecialTokens: false }),
      expected.special_decoded ?? decoded
    ],
    "decoded without special tokens": [
      tokenizer.decode(specialIds, { skipSpecialTokens: true }),
      expected.skip_decoded ?? decoded
    ]
  })
}

const checkDecode = (tokenizer: Tokenizer, { decoded, ids, skip_decoded }: Cases["decode"][number]) =>
  firstDifference({
    decoded: [tokenizer.decode(ids, { skipSpecialTokens: false }), decoded],
    "decoded without special tokens": [tokenizer.decode(ids, { skipSpecialTokens: true }), skip_decoded ?? decoded]
  })

const checkPair = async (tokenizer: Tokenizer, { ids, pair, text, type_ids }: Cases["pairs"][number]) => {
  const encoded = await Effect.runPromise(tokenizer.encodePair(text, pair))
  return firstDifference({
    ids: [encoded.ids, ids],
    // The data's type ids take an empty second text for a text, its ids don't: they can't be compared then.
    ...(type_ids.length === ids.length ? { "type ids": [encoded.typeIds, type_ids] } : {})
  })
}

export async function* checkTokenizers(directory: string): AsyncGenerator<Verdict> {
  for (const family of namesIn(directory, "tokenizers").filter((name) => !name.endsWith(".json"))) {
    const folder = join(directory, "tokenizers", family)
    const cases = readCases(Cases, folder, "cases.json")
    const tokenizer = await loadTokenizer(folder)
    const name = (kind: string, own: string) => `tokenizers/${family} ${kind} ${own}`
    for (const expected of cases.encode) {
      yield { name: name("encode", expected.name), problem: await checkEncode(tokenizer, expected) }
    }
    for (const expected of cases.decode) {
      yield { name: name("decode", expected.name), problem: checkDecode(tokenizer, expected) }
    }
    for (const expected of cases.pairs) {
      yield { name: name("pair", `${expected.text} + ${expected.pair}`), problem: await checkPair(tokenizer, expected) }
    }
  }
}
