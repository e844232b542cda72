/** `pull`, `update` and `outdated` for people: the result, the bar, the lines on the way. Pure. */
import { byCodePoint } from "../../domain/CachedModel.js"
import type { OutdatedData } from "../../domain/Outdated.js"
import type { ActiveFile, PullData, TransferEvent } from "../../domain/Pull.js"
import { MODEL_UNITS, sizeText } from "../../domain/Size.js"
import { visible } from "../../domain/Text.js"
import { cutToColumns } from "../Columns.js"
import { table } from "../Format.js"

type Progress = Extract<TransferEvent, { readonly _tag: "Progress" }>

const size = (bytes: number): string => sizeText(bytes, MODEL_UNITS)

/** The plan of `--dry-run`, a line per file that is missing. */
const planLines = ({ plan }: PullData): ReadonlyArray<string> =>
  (plan?.files ?? [])
    .filter(({ missing_bytes }) => missing_bytes > 0)
    .map(({ missing_bytes, path }) => `  ${size(missing_bytes).padStart(9)}  ${visible(path)}\n`)

/** spec 01 §8.5. */
export const pullText = (data: PullData): string =>
  `pull: ${visible(data.model ?? "None")} — ${visible(data.message)}\n${planLines(data).join("")}`

const percent = (done: number, total: number): number => (total === 0 ? 100 : Math.floor((done / total) * 100))

/** Seconds as `m:ss` or `h:mm:ss`. */
const clock = (seconds: number): string => {
  const two = (value: number) => String(value).padStart(2, "0")
  const whole = Math.ceil(seconds)
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}

const remaining = ({ bytesPerSecond, doneBytes, totalBytes }: Progress): string =>
  bytesPerSecond > 0 && doneBytes < totalBytes ? `${clock((totalBytes - doneBytes) / bytesPerSecond)} left` : ""

/** One line for a log: `acme/tiny: 43%, 1.2GB of 2.8GB, 85.1MB/s, 0:19 left`. */
export const progressLine = (progress: Progress): string =>
  [
    `${visible(progress.model)}: ${percent(progress.doneBytes, progress.totalBytes)}%`,
    `${size(progress.doneBytes)} of ${size(progress.totalBytes)}`,
    `${size(progress.bytesPerSecond)}/s`,
    remaining(progress)
  ]
    .filter((part) => part !== "")
    .join(", ")

const BAR_COLUMNS = 24
/** Lines of a bar, so that a terminal doesn't scroll. */
const MAX_FILES = 6

const bar = (done: number, total: number): string => {
  const filled = total === 0 ? BAR_COLUMNS : Math.floor((done / total) * BAR_COLUMNS)
  return `[${"#".repeat(filled)}${".".repeat(BAR_COLUMNS - filled)}]`
}

const fileLine = ({ doneBytes, path, totalBytes }: ActiveFile): string =>
  `  ${String(percent(doneBytes, totalBytes)).padStart(3)}%  ${size(doneBytes)} of ${size(totalBytes)}  ${visible(path)}`

/** The bar of the model and a line per file on its way, each within the terminal's width. */
export const progressLines = (progress: Progress, columns: number): ReadonlyArray<string> => {
  const { active, doneBytes, model, totalBytes } = progress
  const rate = `${size(doneBytes)} of ${size(totalBytes)}  ${size(progress.bytesPerSecond)}/s  ${remaining(progress)}`
  const head = `${String(percent(doneBytes, totalBytes)).padStart(3)}% ${bar(doneBytes, totalBytes)} ${rate}  ${visible(model)}`
  const files = [...active].sort((left, right) => byCodePoint(left.path, right.path))
  const more = files.length > MAX_FILES ? [`  … ${files.length - MAX_FILES} more files`] : []
  return [head, ...files.slice(0, MAX_FILES).map(fileLine), ...more].map((line) =>
    cutToColumns(line, Math.max(20, columns - 1))
  )
}

const short = (commit: string | null): string => commit?.slice(0, 8) ?? "-"

/** A row per branch or tag. */
export const outdatedText = ({ models }: OutdatedData): string =>
  models.length === 0
    ? "No models found in cache\n"
    : table(
        ["Name", "Ref", "Cached", "Hub", "Status"],
        models.map(({ cached_commit, hub_commit, name, reason, ref, status }) => [
          visible(name),
          visible(ref),
          short(cached_commit),
          short(hub_commit),
          reason === null ? status : `${status}: ${visible(reason)}`
        ])
      )
