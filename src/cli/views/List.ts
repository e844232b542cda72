/** `list` for people: which models, which columns (spec 01 §4.4, baseline form). Pure. */
import type { ListData, ModelObject } from "../../domain/ModelObject.js"
import { MODEL_UNITS, sizeText } from "../../domain/Size.js"
import { visible } from "../../domain/Text.js"
import { cut, relativeTime, table, wrap } from "../Format.js"

export interface ListFlags {
  readonly all: boolean
  readonly health: boolean
  readonly verbose: boolean
}

interface Column {
  readonly title: string
  /** The lines of the cell; all but the last column have one. */
  readonly cell: (model: ModelObject) => ReadonlyArray<string>
}

const COMMUNITY = "mlx-community/"
const REASON_LIMIT = 60
const REASON_WIDTH = 26

const column = (title: string, cell: (model: ModelObject) => string): Column => ({
  title,
  cell: (model) => [cell(model)]
})

/** Intact and runnable, intact only, or neither. */
const health = (model: ModelObject): string =>
  model.health === "healthy" && !model.runtime_compatible ? "healthy*" : model.health

const runtime = (model: ModelObject): string => {
  if (model.health !== "healthy") return "-"
  return model.runtime_compatible ? "yes" : "no"
}

const reason = (model: ModelObject): ReadonlyArray<string> =>
  model.reason === null ? ["-"] : wrap(cut(visible(model.reason), REASON_LIMIT).split(" "), REASON_WIDTH)

const columns = (flags: ListFlags, now: number): ReadonlyArray<Column> => [
  column("Name", ({ name }) =>
    visible(!flags.verbose && name.startsWith(COMMUNITY) ? name.slice(COMMUNITY.length) : name)
  ),
  column("Hash", ({ hash }) => hash?.slice(0, 7) ?? "-"),
  column("Size", ({ size_bytes }) => sizeText(size_bytes, MODEL_UNITS)),
  column("Modified", ({ last_modified }) => relativeTime(last_modified, now)),
  ...(flags.all || flags.verbose ? [column("Framework", ({ framework }) => framework)] : []),
  column("Type", ({ model_type }) => model_type),
  ...(flags.health && !flags.verbose ? [column("Health", health)] : []),
  ...(flags.health && flags.verbose
    ? [column("Integrity", (model) => model.health), column("Runtime", runtime), { title: "Reason", cell: reason }]
    : [])
]

/** The models that have a row. */
export const shownModels = (data: ListData, { all, verbose }: ListFlags): ReadonlyArray<ModelObject> =>
  data.models.filter(({ framework, model_type }) => all || (framework === "MLX" && (verbose || model_type === "chat")))

/** Further lines of a cell follow with the other cells empty. */
const rows = (model: ModelObject, shown: ReadonlyArray<Column>): ReadonlyArray<ReadonlyArray<string>> => {
  const cells = shown.map(({ cell }) => cell(model))
  const height = Math.max(...cells.map((lines) => lines.length))
  return Array.from({ length: height }, (_, line) => cells.map((lines) => lines[line] ?? ""))
}

/** The table; header and rule also without rows. `now` in milliseconds since 1970; `width` of the terminal, null for none. */
export const listText = (data: ListData, flags: ListFlags, now: number, width: number | null): string => {
  const shown = columns(flags, now)
  return table(
    shown.map(({ title }) => title),
    shownModels(data, flags).flatMap((model) => rows(model, shown)),
    width
  )
}
