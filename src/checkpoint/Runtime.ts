/** Can this program run a checkpoint? The gates of spec 01 §6.4 and §0.1(10) in their order. Pure. */
import type { CachedModel } from "../domain/CachedModel.js"
import { excerpt } from "../domain/Excerpt.js"
import { HealthReport } from "../domain/HealthReport.js"
import { type JsonObject, objectOf } from "../domain/JsonFile.js"
import { architectureProblem } from "../inference/registry.js"
import { integrity } from "./Integrity.js"

const LEGACY = /^(weights\.\d+|pytorch_model-\d+)\.safetensors$/
const MODERN = /^model(-\d{5}-of-\d{5})?\.safetensors$/

/** G2: weights under old names only; names that are neither don't matter. */
const hasLegacyWeightsOnly = ({ files }: Pick<CachedModel, "files">): boolean => {
  const present = files.flatMap(({ path, size }) => (size === null ? [] : [path]))
  return present.some((path) => LEGACY.test(path)) && !present.some((path) => MODERN.test(path))
}

/** Keys that name Python files of the checkpoint. They are never executed. */
const CODE_KEYS = ["model_file", "auto_map"]

const configProblem = (config: JsonObject): string | null => {
  const type = config["model_type"]
  // Python's idea of "no value" (spec 01 §6.4 G3c); the registry knows names only, so other kinds are answered here.
  if (type === undefined || type === null || type === "" || type === 0 || type === false) {
    return "config.json missing model_type"
  }
  if (typeof type !== "string") return `Model type ${excerpt(type)} not supported.`
  const codeKey = CODE_KEYS.find((key) => config[key] !== undefined && config[key] !== null)
  return (
    architectureProblem(config) ??
    (codeKey === undefined ? null : `config.json asks for code of its own (${codeKey}), which is never executed`)
  )
}

/** Why a model can't be run, one clause; null when it can. Says nothing about missing or damaged files. */
export const runtimeProblem = (model: Pick<CachedModel, "framework" | "files" | "config">): string | null => {
  if (model.framework !== "MLX") return `Incompatible: ${model.framework}`
  if (hasLegacyWeightsOnly(model)) return "Legacy format not supported by mlx-lm"
  switch (model.config._tag) {
    case "Missing":
      return "config.json missing"
    case "Unreadable":
    case "Invalid":
      return `Failed to read config.json: ${model.config.problem}`
    case "Parsed":
      return configProblem(objectOf(model.config) ?? {})
  }
}

/** Integrity first; a damaged model is never compatible and has no runtime reason of its own. */
export const healthReport = (model: CachedModel): HealthReport => {
  const { healthy, reason } = integrity(model)
  const problem = healthy ? runtimeProblem(model) : null
  const values = {
    healthy,
    integrityReason: reason,
    runtimeCompatible: healthy && problem === null,
    runtimeReason: problem
  }
  // Checking what was just put together takes longer than the rules themselves.
  return new HealthReport(values, { disableValidation: true })
}
