/** `du [pattern]`: what the cache takes on the disk. */
import { Effect } from "effect"
import { UsageData } from "../../domain/Reclaim.js"
import { diskUsage } from "../../operations/DiskUsage.js"
import { command } from "../CommandFile.js"
import { namesText } from "../Format.js"
import { Output } from "../Output.js"
import { json, optional, toggle } from "../Parameter.js"
import { Stdio } from "../Stdio.js"
import { usageName, usageText } from "../views/Reclaim.js"

export const du = command(
  "du",
  {
    about: "Show disk usage: logical, on disk, and what deleting would free",
    parameters: {
      pattern: optional("pattern", "Show only repos whose name contains this text"),
      quiet: toggle("quiet", "Print names only, one per line, the largest first"),
      null: toggle("null", "The same, each name ended by a NUL character"),
      json
    }
  },
  (values) =>
    Effect.gen(function* () {
      const output = yield* Output
      const { columns } = yield* Stdio
      yield* output.result(UsageData, yield* diskUsage(values.pattern), (data) =>
        values.quiet || values.null ? namesText(data.repos.map(usageName), values.null) : usageText(data, columns)
      )
    })
)
