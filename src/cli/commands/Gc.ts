/** `gc`: what nothing in the cache uses any more. */
import { Effect } from "effect"
import { CollectData } from "../../domain/Reclaim.js"
import { collect } from "../../operations/Collect.js"
import { command } from "../CommandFile.js"
import { namesText } from "../Format.js"
import { Output } from "../Output.js"
import { json, toggle } from "../Parameter.js"
import { collectText } from "../views/Reclaim.js"

export const gc = command(
  "gc",
  {
    about: "Show or delete what nothing uses: superseded revisions, partial downloads, orphan blobs",
    parameters: {
      delete: toggle("delete", "Delete it; without this nothing is changed"),
      quiet: toggle("quiet", "Print paths only, one per line"),
      null: toggle("null", "The same, each path ended by a NUL character"),
      json
    }
  },
  (values) =>
    Effect.gen(function* () {
      const output = yield* Output
      const data = yield* collect({ execute: values.delete })
      yield* output.result(CollectData, data, () =>
        values.quiet || values.null
          ? namesText(
              data.plan.map(({ path }) => path),
              values.null
            )
          : collectText(data)
      )
    })
)
