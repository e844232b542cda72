/** `show`: one model with its metadata, files or config. */
import { Effect } from "effect"
import type { CachedModel, SnapshotFile } from "../domain/CachedModel.js"
import type { ResolveError } from "../domain/Errors.js"
import { objectOf } from "../domain/JsonFile.js"
import { type FileObject, modelObject, type ShowData } from "../domain/ModelObject.js"
import { ModelRef } from "../domain/ModelRef.js"
import { FILE_UNITS, sizeText } from "../domain/Size.js"
import { Cache } from "../services/Cache.js"
import { Health } from "../services/Health.js"

/** Which part of a model `show` adds to its row. */
export type ShowMode = "metadata" | "files" | "config"

/** The first rule that holds (spec 01 §5.1). */
const fileType = (name: string): string => {
  if (name === "config.json") return "config"
  if (/\.(safetensors|bin|gguf)$/.test(name)) return "weights"
  if (name.toLowerCase().includes("tokenizer")) return "tokenizer"
  if (name.endsWith(".json")) return "config"
  return name === "README.md" ? "readme" : "other"
}

/** A link to nothing is no file. */
const fileObject = ({ path, size }: SnapshotFile): ReadonlyArray<typeof FileObject.Type> => {
  const name = path.slice(path.lastIndexOf("/") + 1)
  return size === null ? [] : [{ name, size: sizeText(size, FILE_UNITS), type: fileType(name) }]
}

const details = (model: CachedModel, mode: ShowMode): Omit<ShowData, "model"> => {
  switch (mode) {
    case "metadata":
      return { metadata: model.metadata }
    case "files":
      return { metadata: null, files: model.files.flatMap(fileObject) }
    case "config":
      return { metadata: null, config: objectOf(model.config) }
  }
}

/** Answers for broken models too; the verdict is that of the snapshot shown (spec 01 §5.1, QUIRK-20). */
export const show = Effect.fn("Show.show")(function* (
  text: string,
  mode: ShowMode
): Effect.fn.Return<ShowData, ResolveError, Cache | Health> {
  const cache = yield* Cache
  const health = yield* Health
  const model = yield* Effect.flatMap(cache.resolve(ModelRef.parse(text)), cache.describe)
  const report = yield* health.check(model)
  return { model: modelObject(model, report), ...details(model, mode) }
})
