/** Everything of a checkpoint but its weights: configuration, tokenizer, chat template. Each file is bounded before it is read. */
import { Effect } from "effect"
import type { TokenFiles } from "../chat/AddedTokens.js"
import { endTokens } from "../chat/EndTokens.js"
import { chooseReasoning, type ReasoningFormat } from "../chat/reasoning/Formats.js"
import { makeTokenizer, type Tokenizer } from "../chat/Tokenizer.js"
import { chooseTemplates, specialTokens, TEMPLATE_FILES, type Templates } from "../chat/TokenizerConfig.js"
import { convertTokenizer } from "../chat/TokenizerFiles.js"
import { chooseToolFormat, type ToolFormatName } from "../chat/toolcalls/Formats.js"
import { contextLength } from "../checkpoint/Config.js"
import { type CheckpointInvalid, ModelIncompatible } from "../domain/Errors.js"
import { isObject } from "../domain/JsonFile.js"
import { invalid, optional, readJson, readText, withFile } from "../engines/Reader.js"
import type { CheckpointSource } from "../inference/Engine.js"
import { architectureProblem } from "../inference/registry.js"

/** A model's way between text and tokens. */
export interface CheckpointText extends Templates {
  readonly model: string
  readonly contextLength: number
  readonly tokenizer: Tokenizer
  readonly specialTokens: Readonly<Record<string, string>>
  /** Tokens that end an answer. */
  readonly endIds: ReadonlySet<number>
  /** What stands for an empty prompt: the token that begins a text, or the one that separates texts; null without both. */
  readonly emptyPromptId: number | null
  /** How the model marks its reasoning; null where it doesn't reason. */
  readonly reasoning: ReasoningFormat | null
  /** How the model writes tool calls; null where nobody knows. */
  readonly toolFormat: ToolFormatName | null
}

const MEBIBYTE = 2 ** 20
const MAX_TEMPLATE_BYTES = 4 * MEBIBYTE
/** The largest published ones have about 35 MB. */
const MAX_TOKENIZER_BYTES = 256 * MEBIBYTE

/** Refuses what can't be run before the large files are read. */
const readConfig = (source: CheckpointSource) =>
  Effect.gen(function* () {
    const config = yield* readJson(source, "config.json")
    if (!isObject(config)) return yield* invalid(source, "config.json", "not an object")
    const reason = architectureProblem(config)
    if (reason !== null) return yield* new ModelIncompatible({ model: source.name, reason })
    return config
  })

const specialIds = ({ idOf, isSpecial }: Tokenizer, tokens: ReadonlyArray<string | undefined>): ReadonlyArray<number> =>
  tokens.flatMap((token) => {
    const id = token === undefined ? null : idOf(token)
    return id !== null && isSpecial(id) ? [id] : []
  })

/** How the text of answers is to be read. */
const answerFormats = ({ template, toolTemplate }: Templates, { idOf }: Tokenizer, modelType: unknown) => {
  const hints = {
    modelType: typeof modelType === "string" ? modelType : null,
    hasToken: (token: string) => idOf(token) !== null
  }
  return {
    reasoning: chooseReasoning({ ...hints, template: template?.source ?? null }),
    toolFormat: chooseToolFormat({ ...hints, template: (toolTemplate ?? template)?.source ?? null })
  }
}

const exists = (source: CheckpointSource, file: string) => optional(withFile(source, file, () => Effect.succeed(file)))

/** The text of tokenizer.json, made of older files where there is none. */
const readTokenizer = (source: CheckpointSource, tokenFiles: TokenFiles) =>
  Effect.gen(function* () {
    const json = yield* optional(readText(source, "tokenizer.json", MAX_TOKENIZER_BYTES))
    if (json !== null) return json
    const converted = convertTokenizer({
      vocab: yield* optional(readText(source, "vocab.json", MAX_TOKENIZER_BYTES)),
      merges: yield* optional(readText(source, "merges.txt", MAX_TOKENIZER_BYTES)),
      sentencePiece: (yield* exists(source, "tokenizer.model")) !== null,
      ...tokenFiles
    })
    return "json" in converted ? converted.json : yield* invalid(source, "tokenizer.json", converted.problem)
  })

export const readCheckpointText = (
  source: CheckpointSource
): Effect.Effect<CheckpointText, CheckpointInvalid | ModelIncompatible> =>
  Effect.gen(function* () {
    const model = source.name
    const config = yield* readConfig(source)
    const generationConfig = yield* optional(readJson(source, "generation_config.json"))
    const tokenizerConfig = yield* optional(readJson(source, "tokenizer_config.json"))
    const templateJson = yield* optional(readJson(source, "chat_template.json"))
    const jinja = yield* optional(readText(source, TEMPLATE_FILES.template, MAX_TEMPLATE_BYTES))
    const toolJinja = yield* optional(readText(source, TEMPLATE_FILES.toolTemplate, MAX_TEMPLATE_BYTES))
    const tokenFiles: TokenFiles = {
      tokenizerConfig,
      specialTokensMap: yield* optional(readJson(source, "special_tokens_map.json")),
      addedTokens: yield* optional(readJson(source, "added_tokens.json"))
    }
    const tokens = specialTokens([tokenFiles.specialTokensMap, tokenizerConfig])
    const tokenizer = yield* makeTokenizer(model, yield* readTokenizer(source, tokenFiles), tokenFiles)
    const templates = chooseTemplates({ jinja, toolJinja, tokenizerConfig, templateJson })
    return {
      model,
      contextLength: contextLength(config),
      tokenizer,
      ...templates,
      ...answerFormats(templates, tokenizer, config["model_type"]),
      specialTokens: tokens,
      endIds: endTokens({
        generationConfig,
        config,
        specialTokens: tokens,
        template: templates.template?.source ?? null,
        idOf: tokenizer.idOf,
        isSpecial: tokenizer.isSpecial
      }),
      emptyPromptId: specialIds(tokenizer, [tokens["bos_token"], tokens["eos_token"]])[0] ?? null
    }
  })
