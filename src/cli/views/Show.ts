/** `show` for people (spec 01 §5.3). Pure. */
import type { ModelObject, ShowData } from "../../domain/ModelObject.js"
import { MODEL_UNITS, sizeText } from "../../domain/Size.js"
import { visible } from "../../domain/Text.js"
import { relativeTime } from "../Format.js"

/** Top-level texts as they are; everything else as JSON on one line. */
const valueText = (value: unknown): string => visible(typeof value === "string" ? value : JSON.stringify(value))

const pairs = (title: string, record: Readonly<Record<string, unknown>> | null | undefined): ReadonlyArray<string> => {
  if (record === null || record === undefined) return []
  return ["", `${title}:`, ...Object.entries(record).map(([key, value]) => `  ${visible(key)}: ${valueText(value)}`)]
}

const files = (entries: ShowData["files"]): ReadonlyArray<string> =>
  entries === undefined
    ? []
    : ["", "Files:", ...entries.map(({ name, size, type }) => `  - ${visible(name)} (${type}, ${size})`)]

const healthText = (model: ModelObject): string =>
  model.health === "healthy" && !model.runtime_compatible ? "healthy (files OK, runtime incompatible)" : model.health

/** One section follows the head: files, config or metadata. `now` in milliseconds since 1970. */
export const showText = (data: ShowData, now: number): string => {
  const { model } = data
  const hash = model.hash === null ? "" : `@${model.hash.slice(0, 7)}`
  const lines = [
    `Model: ${visible(model.name)}${hash}`,
    `Framework: ${model.framework}`,
    `Type: ${model.model_type}`,
    `Size: ${sizeText(model.size_bytes, MODEL_UNITS)}`,
    `Modified: ${relativeTime(model.last_modified, now)}`,
    `Health: ${healthText(model)}`,
    ...(model.reason === null ? [] : [`Reason: ${visible(model.reason)}`]),
    ...files(data.files),
    ...pairs("Config", data.config),
    ...pairs("Metadata", data.metadata)
  ]
  return lines.map((line) => `${line}\n`).join("")
}
