/** What the small JSON files beside a tokenizer say: special tokens, chat template. Pure. */
import { Option, Schema } from "effect"

/** Names of special tokens as chat templates know them. */
const SPECIAL_TOKEN_NAMES = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]

const Fields = Schema.Record({ key: Schema.String, value: Schema.Unknown })
const TokenText = Schema.Union(
  Schema.NonEmptyString,
  Schema.transform(Schema.Struct({ content: Schema.NonEmptyString }), Schema.NonEmptyString, {
    strict: true,
    decode: ({ content }) => content,
    encode: (content) => ({ content })
  })
)
const fields = (value: unknown) => Option.getOrElse(Schema.decodeUnknownOption(Fields)(value), () => ({}))
const tokenText = Schema.decodeUnknownOption(TokenText)

/** The special tokens' texts by name. A later file wins; what is neither a text nor an added-token object is skipped. */
export const specialTokens = (files: ReadonlyArray<unknown>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    files.flatMap((file) => {
      const values: Readonly<Record<string, unknown>> = fields(file)
      return SPECIAL_TOKEN_NAMES.flatMap((name) =>
        Option.match(tokenText(values[name]), { onNone: () => [], onSome: (text) => [[name, text] as const] })
      )
    })
  )

/** Whether tokenizer_config.json asks for spaces before punctuation to be removed from decoded text. */
export const cleansUpSpaces = (tokenizerConfig: unknown): boolean => {
  const config: Readonly<Record<string, unknown>> = fields(tokenizerConfig)
  return config["clean_up_tokenization_spaces"] === true
}

const TemplateField = Schema.Struct({
  chat_template: Schema.Union(
    Schema.NonEmptyString,
    Schema.Array(Schema.Struct({ name: Schema.String, template: Schema.NonEmptyString }))
  )
})

/** A chat template and the file it comes from. */
export interface TemplateSource {
  readonly file: string
  readonly source: string
}

/** `chat_template` of a JSON file: a text, or the `default` of a named list. */
const templateOf = (file: string, value: unknown): Option.Option<TemplateSource> =>
  Option.flatMap(Schema.decodeUnknownOption(TemplateField)(value), ({ chat_template }) =>
    Option.fromNullable(
      typeof chat_template === "string" ? chat_template : chat_template.find(({ name }) => name === "default")?.template
    )
  ).pipe(Option.map((source) => ({ file, source })))

/** The model's chat template, from the first source that has one (spec 02 R5.1). Null when none has. */
export const chooseTemplate = (sources: {
  /** chat_template.jinja */
  readonly jinja: string | null
  /** tokenizer_config.json */
  readonly tokenizerConfig: unknown
  /** chat_template.json */
  readonly templateJson: unknown
}): TemplateSource | null => {
  const { jinja, templateJson, tokenizerConfig } = sources
  if (jinja !== null && jinja !== "") return { file: "chat_template.jinja", source: jinja }
  return templateOf("tokenizer_config.json", tokenizerConfig).pipe(
    Option.orElse(() => templateOf("chat_template.json", templateJson)),
    Option.getOrNull
  )
}
