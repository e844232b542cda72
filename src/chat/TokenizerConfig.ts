/** What the small JSON files beside a tokenizer say: special tokens, chat template. Pure. */
import { Option, Schema } from "effect"

/** Names of special tokens as chat templates know them. */
export const SPECIAL_TOKEN_NAMES: ReadonlyArray<string> = [
  "bos_token",
  "eos_token",
  "unk_token",
  "sep_token",
  "pad_token",
  "cls_token",
  "mask_token"
]

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

/** A model's chat templates. */
export interface Templates {
  readonly template: TemplateSource | null
  /** The one for chats with tools, where it is another one. */
  readonly toolTemplate: TemplateSource | null
}

/** `chat_template` of a JSON file: a text, or a list of named ones. */
const templatesOf = (file: string, value: unknown): Templates => {
  const field = Option.getOrNull(Schema.decodeUnknownOption(TemplateField)(value))?.chat_template ?? []
  const named = typeof field === "string" ? [{ name: "default", template: field }] : field
  const find = (wanted: string): TemplateSource | null => {
    const source = named.find(({ name }) => name === wanted)?.template
    return source === undefined ? null : { file, source }
  }
  return { template: find("default"), toolTemplate: find("tool_use") }
}

const fileTemplate = (file: string, source: string | null): TemplateSource | null =>
  source === null || source === "" ? null : { file, source }

/** Where files of their own hold chat templates. */
export const TEMPLATE_FILES = {
  template: "chat_template.jinja",
  toolTemplate: "additional_chat_templates/tool_use.jinja"
}

/** The model's chat templates, from the first source that has one (spec 02 R5.1). */
export const chooseTemplates = (sources: {
  readonly jinja: string | null
  readonly toolJinja: string | null
  /** tokenizer_config.json */
  readonly tokenizerConfig: unknown
  /** chat_template.json */
  readonly templateJson: unknown
}): Templates => {
  const files: Templates = {
    template: fileTemplate(TEMPLATE_FILES.template, sources.jinja),
    toolTemplate: fileTemplate(TEMPLATE_FILES.toolTemplate, sources.toolJinja)
  }
  const all = [
    files,
    templatesOf("tokenizer_config.json", sources.tokenizerConfig),
    templatesOf("chat_template.json", sources.templateJson)
  ]
  const found = all.find(({ template }) => template !== null)
  return (
    found ?? {
      template: null,
      toolTemplate: all.find(({ toolTemplate }) => toolTemplate !== null)?.toolTemplate ?? null
    }
  )
}
