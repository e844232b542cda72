/** Language models inside models of pictures and sound: the text part alone, below its own name. Pure. */
import { Either, Schema } from "effect"
import { isObject } from "../../domain/JsonFile.js"
import { prefixed } from "../blocks/Prefix.js"
import { decodeFields, Section } from "../Config.js"
import type { Build } from "../Decoder.js"

export interface Wrapper {
  /** Where the language model's weights lie. */
  readonly prefix: string
  /** The text part's own config. */
  readonly text: (text: Section, whole: Section) => Section
  /** Whether the whole config may be the text part's, for want of a `text_config`. */
  readonly flat?: boolean
  /** The language model's name for a stored tensor, without the prefix; null for another part's. */
  readonly inner: (name: string) => string | null
}

const textConfig = ({ flat = false }: Wrapper, config: Section) =>
  flat && !isObject(config["text_config"])
    ? Either.right(config)
    : Either.map(decodeFields(Schema.Struct({ text_config: Section }), config), (fields) => fields.text_config)

/** `build` may depend on the text part's config. */
export const wrapped =
  (wrapper: Wrapper, build: (text: Section) => Build): Build =>
  (config, stored) =>
    Either.gen(function* () {
      const text = wrapper.text(yield* textConfig(wrapper, config), config)
      const names = [...stored].flatMap((name) => wrapper.inner(name) ?? [])
      const decoder = yield* build(text)(text, new Set(names))
      return prefixed(wrapper.prefix, decoder, wrapper.inner)
    })

/** Newer checkpoints have everything below `model`. */
const languageName = (name: string) =>
  name.replace(/^model\.language_model\./, "model.").replace(/^language_model\./, "")

/** Below `language_model.`; parts of other kinds are left out by how their names begin. */
export const languageModel = (text: Wrapper["text"], others: RegExp): Wrapper => ({
  prefix: "language_model.",
  text,
  inner: (name) => (others.test(name) ? null : languageName(name))
})

/** As Qwen has it. */
export const visualLanguageModel: Wrapper = {
  prefix: "language_model.",
  text: (text) => text,
  flat: true,
  inner: (name) =>
    /^(model\.)?(visual|vision_tower)\./.test(name)
      ? null
      : name.replace(/^model\.language_model\./, "model.").replace(/^language_model\./, "")
}
