/** Small checkpoints for tests: a byte-level tokenizer made here, with a vocabulary of the golden models' size. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import { BYTE_ALPHABET } from "../../src/chat/ByteLevel.js"

export const VOCAB_SIZE = 320
export const BOS = 1
export const EOS = 2
const FIRST_BYTE = 3
const SPECIALS = ["<pad>", "<s>", "</s>"]
const MARKERS = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]

const numbered = (tokens: ReadonlyArray<string>, first: number) => tokens.map((token, i) => [token, first + i] as const)
const byteTokens = numbered(BYTE_ALPHABET, FIRST_BYTE)
const firstMarker = FIRST_BYTE + byteTokens.length
const firstFiller = firstMarker + MARKERS.length
const fillers = Array.from({ length: VOCAB_SIZE - firstFiller }, (_, i) => `Ġw${i}`)
/** The library gives an added token its own number when the vocabulary hasn't got it, so it has. */
const vocabulary = [
  ...numbered(SPECIALS, 0),
  ...byteTokens,
  ...numbered(MARKERS, firstMarker),
  ...numbered(fillers, firstFiller)
]

const addedToken = (content: string, id: number) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true
})

/** One token per byte, control tokens of a chat, and words that no text encodes to. */
export const tokenizerJson = JSON.stringify({
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [
    ...numbered(SPECIALS, 0).map(([content, id]) => addedToken(content, id)),
    ...numbered(MARKERS, firstMarker).map(([content, id]) => addedToken(content, id))
  ],
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
  post_processor: {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
    special_tokens: { "<s>": { id: "<s>", ids: [BOS], tokens: ["<s>"] } }
  },
  decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: { type: "BPE", vocab: Object.fromEntries(vocabulary), merges: [] }
})

export const CHAT_TEMPLATE =
  "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' and not loop.first %}" +
  "{{ raise_exception('system must come first') }}{% endif %}<|{{ m.role }}|>{{ m.content }}{% endfor %}<|assistant|>"

export const tokenizerConfigJson = JSON.stringify({
  bos_token: "<s>",
  eos_token: { content: "</s>" },
  chat_template: CHAT_TEMPLATE
})

/** The tokens of a text without control tokens: one per byte of UTF-8. */
export const byteIds = (text: string): ReadonlyArray<number> =>
  [...new TextEncoder().encode(text)].map((byte) => FIRST_BYTE + byte)

export const tokenizerFiles: Readonly<Record<string, string>> = {
  "tokenizer.json": tokenizerJson,
  "tokenizer_config.json": tokenizerConfigJson
}

export const temporaryDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => realpathSync(mkdtempSync(join(tmpdir(), "mlxk-checkpoint-")))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

/** A directory with these files. */
export const checkpoint = (files: Readonly<Record<string, string>>): Effect.Effect<string, never, Scope.Scope> =>
  Effect.tap(temporaryDirectory, (directory) =>
    Effect.sync(() => {
      for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content)
    })
  )

/** A tokenizer whose texts are ids: `t7 t12` is 7 and 12. To give a model any tokens through its text. */
export const idTokenizerJson = JSON.stringify({
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: "WhitespaceSplit" },
  post_processor: null,
  decoder: null,
  model: {
    type: "WordLevel",
    vocab: Object.fromEntries(Array.from({ length: VOCAB_SIZE }, (_, id) => [`t${id}`, id])),
    unk_token: "t0"
  }
})
export const idText = (ids: Iterable<number>): string => Array.from(ids, (id) => `t${id}`).join(" ")
