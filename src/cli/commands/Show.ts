/** `show <model>` (spec 01 §1.7, §5). */
import { Clock, Effect } from "effect"
import { ShowData } from "../../domain/ModelObject.js"
import { type ShowMode, show as showModel } from "../../operations/Show.js"
import { command } from "../CommandFile.js"
import { Output } from "../Output.js"
import { json, required, toggle } from "../Parameter.js"
import { showText } from "../views/Show.js"

/** `--files` wins (spec 01 §5.1). */
const mode = ({ config, files }: { readonly config: boolean; readonly files: boolean }): ShowMode => {
  if (files) return "files"
  return config ? "config" : "metadata"
}

export const show = command(
  "show",
  {
    about: "Show detailed model information",
    parameters: {
      model: required("model", "Model name to show, or name@hash"),
      files: toggle("files", "Include file listing"),
      config: toggle("config", "Include config.json content"),
      json
    }
  },
  (values) =>
    Effect.gen(function* () {
      const output = yield* Output
      const now = yield* Clock.currentTimeMillis
      const data = yield* showModel(values.model, mode(values))
      yield* output.result(ShowData, data, () => showText(data, now))
    })
)
