/** `list [pattern]` (spec 01 §1.7, §4). */
import { Clock, Effect } from "effect"
import { modelFilter, modelOrder, sortKey } from "../../domain/ListFilter.js"
import { ListData } from "../../domain/ModelObject.js"
import { list as listModels } from "../../operations/List.js"
import { command, type Values } from "../CommandFile.js"
import { namesText } from "../Format.js"
import { Output } from "../Output.js"
import { json, optional, toggle, value } from "../Parameter.js"
import { Stdio } from "../Stdio.js"
import { listText, shownModels } from "../views/List.js"

const parameters = {
  pattern: optional("pattern", "Show only models whose name contains this text"),
  all: toggle("all", "Show every model, whatever its framework and type"),
  health: toggle("health", "Show whether each model is whole and can be run"),
  verbose: toggle("verbose", "Show full names and more columns"),
  sort: value("sort", sortKey, "Order: name (default), size or modified"),
  filter: value("filter", modelFilter, "Conditions, such as 'size>5g,modified<7d,framework=MLX'"),
  quiet: toggle("quiet", "Print full names only, one per line"),
  null: toggle("null", "The same, each name ended by a NUL character"),
  json
}
type ListValues = Values<typeof parameters>

/** What `--filter` leaves, in the order of `--sort`; they act on the JSON too. */
const arranged = (data: ListData, { filter, sort }: ListValues, now: number): ListData => {
  const models = data.models.filter((model) => filter === null || filter(model, now))
  return { models: sort === null ? models : models.toSorted(modelOrder[sort]), count: models.length }
}

export const list = command("list", { about: "List all cached models", parameters }, (values) =>
  Effect.gen(function* () {
    const output = yield* Output
    const { columns } = yield* Stdio
    const now = yield* Clock.currentTimeMillis
    const data = arranged(yield* listModels(values.pattern), values, now)
    const names = () => shownModels(data, values).map(({ name }) => name)
    yield* output.result(ListData, data, () =>
      values.quiet || values.null ? namesText(names(), values.null) : listText(data, values, now, columns)
    )
  })
)
