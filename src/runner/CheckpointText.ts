/** Everything of a checkpoint but its weights: configuration, tokenizer, chat template. Each file is bounded before it is read. */
import { lstat, readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { makeTokenizer, type Tokenizer } from "../chat/Tokenizer.js"
import { chooseTemplate, END_MARKERS, endOfSequenceIds, specialTokens } from "../chat/TokenizerConfig.js"
import { contextLength } from "../checkpoint/Config.js"
import { jsonFile } from "../checkpoint/JsonText.js"
import { CheckpointInvalid, ModelIncompatible } from "../domain/Errors.js"
import type { CheckpointSource } from "../inference/Engine.js"
import { architectureProblem } from "../inference/registry.js"

/** A model's way between text and tokens. */
export interface CheckpointText {
  readonly model: string
  readonly contextLength: number
  readonly tokenizer: Tokenizer
  /** Source of the chat template, null without one. */
  readonly template: string | null
  readonly specialTokens: Readonly<Record<string, string>>
  /** Tokens that end an answer. */
  readonly endIds: ReadonlySet<number>
  /** What stands for an empty prompt: the token that begins a text, or the one that separates texts; null without both. */
  readonly emptyPromptId: number | null
}

const MEBIBYTE = 1024 * 1024
const MAX_JSON_BYTES = 16 * MEBIBYTE
const MAX_TEMPLATE_BYTES = 4 * MEBIBYTE
/** The largest published ones have about 35 MB. */
const MAX_TOKENIZER_BYTES = 256 * MEBIBYTE

const errorCode = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unreadable"

/** The bytes of a file, null when there is none. A link to nothing is damage, not absence. */
const read = ({ directory, name: model }: CheckpointSource, file: string, maxBytes: number) =>
  Effect.gen(function* () {
    const path = join(directory, file)
    const invalid = (problem: string) => new CheckpointInvalid({ model, file, problem })
    const attempt = <A>(run: () => Promise<A>) =>
      Effect.tryPromise({ try: run, catch: (error) => invalid(errorCode(error)) })
    const exists = yield* attempt(() => lstat(path)).pipe(
      Effect.as(true),
      Effect.catchAll((error) => (error.problem === "ENOENT" ? Effect.succeed(false) : error))
    )
    if (!exists) return null
    const status = yield* attempt(() => stat(path)).pipe(
      Effect.mapError((error) => (error.problem === "ENOENT" ? invalid("a link to nothing") : error))
    )
    if (!status.isFile()) return yield* invalid("not a file")
    if (status.size > maxBytes) return yield* invalid(`larger than ${maxBytes} bytes`)
    return yield* attempt(() => readFile(path))
  })

/** A JSON file's value; `undefined` without the file. */
const readJson = (source: CheckpointSource, file: string): Effect.Effect<unknown, CheckpointInvalid> =>
  Effect.flatMap(read(source, file, MAX_JSON_BYTES), (bytes) => {
    if (bytes === null) return Effect.succeed(undefined)
    const json = jsonFile(bytes)
    return json._tag === "Parsed"
      ? Effect.succeed(json.value)
      : Effect.fail(new CheckpointInvalid({ model: source.name, file, problem: problemOf(json) }))
  })

const problemOf = (json: Exclude<ReturnType<typeof jsonFile>, { readonly _tag: "Parsed" }>): string =>
  json._tag === "Missing" ? "missing" : json.problem

const readText = (source: CheckpointSource, file: string, maxBytes: number) =>
  Effect.map(read(source, file, maxBytes), (bytes) => (bytes === null ? null : new TextDecoder().decode(bytes)))

/** Refuses what can't be run before the large files are read. */
const readConfig = (source: CheckpointSource) =>
  Effect.gen(function* () {
    const model = source.name
    const config = yield* readJson(source, "config.json")
    if (config === undefined) {
      return yield* new CheckpointInvalid({ model, file: "config.json", problem: "missing" })
    }
    if (typeof config !== "object" || config === null || Array.isArray(config)) {
      return yield* new CheckpointInvalid({ model, file: "config.json", problem: "not an object" })
    }
    const fields: Readonly<Record<string, unknown>> = { ...config }
    const reason = architectureProblem(fields)
    if (reason !== null) return yield* new ModelIncompatible({ model, reason })
    return fields
  })

const specialIds = ({ idOf, isSpecial }: Tokenizer, tokens: ReadonlyArray<string | undefined>): ReadonlyArray<number> =>
  tokens.flatMap((token) => {
    const id = token === undefined ? null : idOf(token)
    return id !== null && isSpecial(id) ? [id] : []
  })

/** The EOS token counts even where tokenizer.json doesn't mark it as special. */
const tokenizerEnds = (tokenizer: Tokenizer, eosToken: string | undefined): ReadonlyArray<number> => {
  const eos = eosToken === undefined ? null : tokenizer.idOf(eosToken)
  return [...(eos === null ? [] : [eos]), ...specialIds(tokenizer, END_MARKERS)]
}

export const readCheckpointText = (
  source: CheckpointSource
): Effect.Effect<CheckpointText, CheckpointInvalid | ModelIncompatible> =>
  Effect.gen(function* () {
    const model = source.name
    const config = yield* readConfig(source)
    const generationConfig = yield* readJson(source, "generation_config.json")
    const tokenizerConfig = yield* readJson(source, "tokenizer_config.json")
    const templateJson = yield* readJson(source, "chat_template.json")
    const jinja = yield* readText(source, "chat_template.jinja", MAX_TEMPLATE_BYTES)
    const tokens = specialTokens([yield* readJson(source, "special_tokens_map.json"), tokenizerConfig])
    const tokenizerJson = yield* readText(source, "tokenizer.json", MAX_TOKENIZER_BYTES)
    if (tokenizerJson === null) {
      return yield* new CheckpointInvalid({ model, file: "tokenizer.json", problem: "missing" })
    }
    const tokenizer = yield* makeTokenizer(model, tokenizerJson)
    return {
      model,
      contextLength: contextLength(config),
      tokenizer,
      template: chooseTemplate({ jinja, tokenizerConfig, templateJson }),
      specialTokens: tokens,
      endIds: endOfSequenceIds({
        generationConfig,
        config,
        tokenizer: tokenizerEnds(tokenizer, tokens["eos_token"])
      }),
      emptyPromptId: specialIds(tokenizer, [tokens["bos_token"], tokens["eos_token"]])[0] ?? null
    }
  })
