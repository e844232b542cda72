/** What config.json says about a model. Pure; nothing here trusts the file. */
import { isObject, type JsonObject } from "../domain/JsonFile.js"

/** Used when no config tells the length (spec 02 §4.1). */
export const DEFAULT_CONTEXT_LENGTH = 4096

const CONTEXT_KEYS = ["max_position_embeddings", "n_positions", "context_length", "max_sequence_length", "seq_len"]

/** An integer or a text of digits, above zero; null for anything else. */
const positive = (value: unknown): number | null => {
  const number = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value
  return typeof number === "number" && Number.isSafeInteger(number) && number > 0 ? number : null
}

const firstLength = (config: JsonObject): number | null =>
  CONTEXT_KEYS.reduce<number | null>((found, key) => found ?? positive(config[key]), null)

/** Tokens the model can attend to: the top level before `text_config`, else 4096 (spec 02 §4.1). Takes any decoded config. */
export const contextLength = (config: unknown): number => {
  if (!isObject(config)) return DEFAULT_CONTEXT_LENGTH
  const nested = config["text_config"]
  return firstLength(config) ?? (isObject(nested) ? firstLength(nested) : null) ?? DEFAULT_CONTEXT_LENGTH
}

/** The first architecture; a text in place of the list is taken whole. */
const architecture = (value: unknown): unknown => (Array.isArray(value) ? value[0] : value)

/** `quantization_config` is the Hub's key, `quantization` MLX's own (spec 01 §5.1 QUIRK-19). */
const quantization = (config: JsonObject): string | undefined => {
  for (const key of ["quantization_config", "quantization"]) {
    const section = config[key]
    const bits = isObject(section) ? section["bits"] : undefined
    if (typeof bits === "number" || typeof bits === "string") return `${bits}bit`
  }
  return undefined
}

const COPIED = ["vocab_size", "hidden_size", "num_attention_heads", "num_hidden_layers"]

/** The metadata of `show`: only what the config has, null when that is nothing (spec 01 §5.1). */
export const metadata = (config: JsonObject | null): JsonObject | null => {
  if (config === null) return null
  const rows: ReadonlyArray<readonly [key: string, value: unknown]> = [
    ["model_type", config["model_type"]],
    ["architecture", architecture(config["architectures"])],
    ["quantization", quantization(config)],
    ["context_length", config["max_position_embeddings"]],
    ...COPIED.map((key) => [key, config[key]] as const)
  ]
  const present = rows.filter(([, value]) => value !== undefined)
  return present.length === 0 ? null : Object.fromEntries(present)
}
