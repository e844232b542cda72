/** Which architectures this program can run. A light table: listing models loads no decoder. */

/** `model_type` of config.json -> the family that computes it (aliases share one, as mistral is served by llama). */
const families: Readonly<Record<string, "llama">> = {
  llama: "llama",
  mistral: "llama",
  qwen2: "llama",
  qwen3: "llama"
}

/** Why a decoded config.json can't be run, one clause; null when it can (spec 01 §6.4 G3, §0.1(10)). */
export const architectureProblem = (config: Readonly<Record<string, unknown>>): string | null => {
  const type = config["model_type"]
  if (typeof type !== "string" || type === "") return "config.json missing model_type"
  return Object.hasOwn(families, type) ? null : `Model type ${type} not supported.`
}
