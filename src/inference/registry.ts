/** Which architectures this program can run. A light table: listing models loads no decoder. */
import { Either } from "effect"
import { excerpt } from "../domain/Excerpt.js"
import { isObject } from "../domain/JsonFile.js"
import { quantization } from "./Quantization.js"
import { ropeProblem } from "./Rope.js"

/** `model_type` of config.json -> the architecture that computes it (aliases share one, as mistral is served by llama). */
const architectures = {
  llama: "llama",
  mistral: "llama",
  iquestcoder: "llama",
  xverse: "llama",
  qwen2: "qwen2",
  qwen3: "qwen3",
  falcon_mamba: "falcon_mamba",
  lfm2: "lfm2",
  lfm2_moe: "lfm2_moe",
  mamba: "mamba",
  mamba2: "mamba2",
  deepseek: "deepseek",
  granitemoe: "granitemoe",
  mixtral: "mixtral",
  olmoe: "olmoe",
  phimoe: "phimoe",
  qwen2_moe: "qwen2_moe",
  qwen3_moe: "qwen3_moe"
} as const

type ModelType = keyof typeof architectures

/** Every name has a decoder: `architectures/Architectures.ts` doesn't compile otherwise. */
export type ArchitectureName = (typeof architectures)[ModelType]

const isModelType = (type: string): type is ModelType => Object.hasOwn(architectures, type)

/** The architecture of a decoded config.json, or why it can't be run, one clause. */
export const architectureName = (
  config: Readonly<Record<string, unknown>>
):
  | { readonly _tag: "Known"; readonly name: ArchitectureName }
  | { readonly _tag: "Unknown"; readonly problem: string } => {
  const type = config["model_type"]
  if (typeof type !== "string" || type === "") return { _tag: "Unknown", problem: "config.json missing model_type" }
  return isModelType(type)
    ? { _tag: "Known", name: architectures[type] }
    : { _tag: "Unknown", problem: `Model type ${excerpt(type)} not supported.` }
}

const section = (value: unknown) => (isObject(value) ? value : null)

const quantizationProblem = (config: Readonly<Record<string, unknown>>): string | null => {
  const format = quantization(config)
  return Either.isLeft(format) && format.left._tag === "Unsupported" ? format.left.reason : null
}

/**
 * Why a decoded config.json asks for something this program doesn't have, one clause; null when it doesn't (spec 01 §6.4
 * G3, §0.1(10)). Fields that are missing or damaged are found when the model is loaded.
 */
export const architectureProblem = (config: Readonly<Record<string, unknown>>): string | null => {
  const architecture = architectureName(config)
  if (architecture._tag === "Unknown") return architecture.problem
  return (
    quantizationProblem(config) ?? ropeProblem(section(config["rope_scaling"]) ?? section(config["rope_parameters"]))
  )
}
