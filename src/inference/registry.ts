/** Which architectures this program can run. A light table: listing models loads no decoder. */
import { Either } from "effect"
import { excerpt } from "../domain/Excerpt.js"
import { isObject } from "../domain/JsonFile.js"
import { quantization } from "./Quantization.js"
import { ropeProblem } from "./Rope.js"

/** `model_type` of config.json. Every one has a decoder: `architectures/Architectures.ts` doesn't compile otherwise. */
export const architectures = [
  "Klear",
  "afm7",
  "afmoe",
  "apertus",
  "baichuan_m1",
  "bailing_hybrid",
  "bailing_moe",
  "bailing_moe_linear",
  "bitnet",
  "cohere",
  "cohere2",
  "dbrx",
  "deepseek",
  "deepseek_v2",
  "deepseek_v3",
  "deepseek_v32",
  "dots1",
  "ernie4_5",
  "ernie4_5_moe",
  "exaone",
  "exaone4",
  "exaone_moe",
  "falcon_h1",
  "falcon_mamba",
  "gear",
  "gemma",
  "gemma2",
  "gemma3",
  "gemma3_text",
  "gemma3n",
  "gemma4",
  "gemma4_text",
  "glm",
  "glm4",
  "glm4_moe",
  "glm4_moe_lite",
  "glm_moe_dsa",
  "gpt2",
  "gpt_bigcode",
  "gpt_neox",
  "gpt_oss",
  "gptj",
  "granite",
  "granitemoe",
  "granitemoehybrid",
  "helium",
  "hunyuan",
  "hunyuan_v1_dense",
  "internlm2",
  "internlm3",
  "iquestloopcoder",
  "jamba",
  "kimi_k25",
  "kimi_linear",
  "kimi_vl",
  "laguna",
  "lfm2",
  "lfm2-vl",
  "lfm2_moe",
  "lille-130m",
  "llama",
  "llama4",
  "llama4_text",
  "longcat_flash",
  "longcat_flash_ngram",
  "mamba",
  "mamba2",
  "mellum",
  "mimo",
  "mimo_v2_flash",
  "minicpm",
  "minicpm3",
  "minimax_m2",
  "minimax_m3_vl",
  "ministral3",
  "mistral3",
  "mistral4",
  "mixtral",
  "muse_glimmer",
  "nanbeige",
  "nanochat",
  "nemotron",
  "nemotron-nas",
  "nemotron_h",
  "olmo2",
  "olmo3",
  "olmo_hybrid",
  "olmoe",
  "openelm",
  "phi",
  "phi-msft",
  "phi3",
  "phimoe",
  "pixtral",
  "plamo",
  "plamo2",
  "plamo3",
  "qwen",
  "qwen2",
  "qwen2_moe",
  "qwen2_vl",
  "qwen3",
  "qwen3_5",
  "qwen3_5_moe",
  "qwen3_moe",
  "qwen3_next",
  "qwen3_vl",
  "qwen3_vl_moe",
  "recurrent_gemma",
  "rwkv7",
  "seed_oss",
  "smollm3",
  "solar_open",
  "spark2_5",
  "stablelm",
  "starcoder2",
  "step3p5",
  "talkie",
  "telechat3",
  "youtu_llm"
] as const

export type ArchitectureName = (typeof architectures)[number]

/** Other names for the same thing. */
export const aliases: Readonly<Record<string, ArchitectureName>> = {
  gemma4_unified: "gemma4",
  iquestcoder: "llama",
  joyai_llm_flash: "deepseek_v3",
  kimi_k2: "deepseek_v3",
  llava: "mistral3",
  mistral: "llama",
  qwen2_5_vl: "qwen2_vl",
  xverse: "llama"
}

/** Families that read `rope_scaling` their own way: what others would refuse means nothing there. */
const ownRope: ReadonlySet<string> = new Set([
  "Klear",
  "dbrx",
  "deepseek",
  "deepseek_v2",
  "ernie4_5_moe",
  "glm4_moe",
  "hunyuan",
  "hunyuan_v1_dense",
  "llama4_text",
  "mimo_v2_flash",
  "minicpm3",
  "minimax_m2",
  "mixtral",
  "phi-msft",
  "phi3",
  "phimoe",
  "qwen2_moe",
  "qwen3_moe",
  "qwen3_vl_moe",
  "solar_open"
])

const isArchitecture = (type: string): type is ArchitectureName => architectures.some((name) => name === type)

type Config = Readonly<Record<string, unknown>>

/** The architecture of a decoded config.json, or why it can't be run, one clause. */
export const architectureName = (
  config: Config
):
  | { readonly _tag: "Known"; readonly name: ArchitectureName }
  | { readonly _tag: "Unknown"; readonly problem: string } => {
  const type = config["model_type"]
  if (typeof type !== "string" || type === "") return { _tag: "Unknown", problem: "config.json missing model_type" }
  const name = Object.hasOwn(aliases, type) ? aliases[type] : type
  return name !== undefined && isArchitecture(name)
    ? { _tag: "Known", name }
    : { _tag: "Unknown", problem: `Model type ${excerpt(type)} not supported.` }
}

const section = (value: unknown) => (isObject(value) ? value : null)

const quantizationProblem = (config: Config): string | null => {
  const format = quantization(config)
  return Either.isLeft(format) && format.left._tag === "Unsupported" ? format.left.reason : null
}

/** Of one section, or of the sections that it has for each kind of layer. */
const scalingProblem = (config: Config): string | null => {
  const scaling = section(config["rope_scaling"]) ?? section(config["rope_parameters"])
  const nested = Object.values(scaling ?? {}).filter(isObject)
  return [scaling, ...nested].map(ropeProblem).find((problem) => problem !== null) ?? null
}

/**
 * Why a decoded config.json asks for something this program doesn't have, one clause; null when it doesn't (spec 01 §6.4
 * G3, §0.1(10)). Fields that are missing or damaged are found when the model is loaded.
 */
export const architectureProblem = (config: Config): string | null => {
  const architecture = architectureName(config)
  if (architecture._tag === "Unknown") return architecture.problem
  const rope = ownRope.has(architecture.name) ? null : scalingProblem(section(config["text_config"]) ?? config)
  return quantizationProblem(config) ?? rope
}
