/** Framework, model type and capabilities of a checkpoint (spec 01 §7). Pure. */
import type { CachedModel, Framework, ModelType } from "../domain/CachedModel.js"
import { isObject, type JsonFile, type JsonObject, objectOf } from "../domain/JsonFile.js"
import { type CardHints, saysMlx } from "./ModelCard.js"

export const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

/** What detection looks at. */
export interface Evidence {
  readonly name: string
  /** Paths of all files, broken links too: an interrupted download is still what it would have become. */
  readonly paths: ReadonlyArray<string>
  readonly config: JsonObject | null
  readonly card: CardHints
  readonly hasChatTemplate: boolean
  /** Whether any snapshot of the repo has weights of PyTorch's kind; asked last, because others must be listed for it. */
  readonly hasTorchWeights: () => boolean
}

/** Whether PyTorch's weights are among these files. */
export const torchWeights = (paths: ReadonlyArray<string>): boolean =>
  paths.some((path) => path.endsWith(".safetensors") || baseName(path) === "pytorch_model.bin")

/** The first rule that holds (spec 01 §7.1, §0.1(11)). */
const framework = ({ name, paths, config, card, hasTorchWeights }: Evidence): Framework => {
  if (name.includes("mlx-community/") || saysMlx(card) || isObject(config?.["quantization"])) return "MLX"
  if (paths.some((path) => path.endsWith(".gguf"))) return "GGUF"
  return hasTorchWeights() ? "PyTorch" : "Unknown"
}

/** The first rule that holds (spec 01 §7.2, baseline column). */
const modelType = ({ name, config, hasChatTemplate }: Evidence): ModelType => {
  const lower = name.toLowerCase()
  if (lower.includes("embed")) return "embedding"
  if (config?.["model_type"] === "chat" || hasChatTemplate) return "chat"
  return lower.includes("instruct") || lower.includes("chat") ? "chat" : "base"
}

const CAPABILITIES: { readonly [Type in ModelType]: ReadonlyArray<string> } = {
  embedding: ["embeddings"],
  chat: ["text-generation", "chat"],
  base: ["text-generation"]
}

/** What a checkpoint is. */
export const detect = (evidence: Evidence): Pick<CachedModel, "framework" | "modelType" | "capabilities"> => {
  const type = modelType(evidence)
  return { framework: framework(evidence), modelType: type, capabilities: CAPABILITIES[type] }
}

/** True when a tokenizer file carries a usable chat template: a text that isn't blank; a list of templates doesn't count. */
export const hasChatTemplate = (tokenizer: JsonFile): boolean => {
  const template = objectOf(tokenizer)?.["chat_template"]
  return typeof template === "string" && template.trim() !== ""
}
