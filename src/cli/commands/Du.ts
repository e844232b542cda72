/** `du [pattern]`: what the cache takes on the disk. */
import { Effect } from "effect"
import { UsageData } from "../../domain/Reclaim.js"
import { diskUsage } from "../../operations/DiskUsage.js"
import { command } from "../CommandFile.js"
import { Output } from "../Output.js"
import { json, optional } from "../Parameter.js"
import { Stdio } from "../Stdio.js"
import { usageText } from "../views/Reclaim.js"

export const du = command(
  "du",
  {
    about: "Show disk usage: logical, on disk, and what deleting would free",
    parameters: { pattern: optional("pattern", "Show only repos whose name contains this text"), json }
  },
  ({ pattern }) =>
    Effect.gen(function* () {
      const output = yield* Output
      const { columns } = yield* Stdio
      yield* output.result(UsageData, yield* diskUsage(pattern), (data) => usageText(data, columns))
    })
)
