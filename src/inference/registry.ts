/** Which architectures this program can run. A light table: listing models loads no decoder. */

/** `model_type` of config.json -> the architecture that computes it (aliases share one, as mistral is served by llama). */
const architectures = {
  llama: "llama",
  mistral: "llama",
  iquestcoder: "llama",
  xverse: "llama",
  qwen2: "qwen2",
  qwen3: "qwen3"
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
    : { _tag: "Unknown", problem: `Model type ${type} not supported.` }
}

/** Why a decoded config.json can't be run, one clause; null when it can (spec 01 §6.4 G3, §0.1(10)). */
export const architectureProblem = (config: Readonly<Record<string, unknown>>): string | null => {
  const architecture = architectureName(config)
  return architecture._tag === "Known" ? null : architecture.problem
}
