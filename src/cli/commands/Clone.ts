/** `clone <model> [target_dir]` (spec 01 §1.7, §11). */
import { Effect } from "effect"
import { UsageError } from "../../domain/Errors.js"
import { Settings } from "../../services/Settings.js"
import { type CommandDescription, command, type Values } from "../CommandFile.js"
import { usageLine } from "../Help.js"
import { filled, json, optional, toggle, value } from "../Parameter.js"
import { VERSION } from "../Version.js"

const parameters = {
  model: optional("model", "Model to clone: org/repo, or org/repo@revision"),
  target: optional("target_dir", "Target directory; without it the repo's name in MLXK_WORKSPACE_HOME"),
  branch: value("branch", filled, "Branch, tag or commit to clone"),
  noHealthCheck: toggle("no-health-check", "Skip the health check of the download"),
  forceResume: toggle("force-resume", "Use the complete download of an interrupted clone as it is"),
  quiet: toggle("quiet", "Suppress progress and notes"),
  json
}

/** Its own type, because a command is made of the function that asks for its description. */
const description = (): CommandDescription => clone.description

/** The target may be left out only where the environment says where workspaces lie (spec 01 §11.2). */
const missing = ({ model, target }: Values<typeof parameters>, home: string | null): ReadonlyArray<string> => [
  ...(model === null ? ["model"] : []),
  ...(target === null && home === null ? ["target_dir (or MLXK_WORKSPACE_HOME)"] : [])
]

export const clone = command("clone", { about: "Clone a model into a directory of your own", parameters }, (values) =>
  Effect.gen(function* () {
    const { workspaceHome } = yield* Settings
    const lacking = missing(values, workspaceHome)
    if (values.model === null || lacking.length > 0) {
      const message = `the following arguments are required: ${lacking.join(", ")}`
      return yield* new UsageError({ message, usage: usageLine(description()) })
    }
    // Loaded when it is wanted: the other commands start without it.
    const { cloning } = yield* Effect.promise(() => import("../Cloning.js"))
    const options = {
      model: values.model,
      target: values.target,
      branch: values.branch,
      healthCheck: !values.noHealthCheck,
      resume: values.forceResume,
      version: VERSION
    }
    yield* cloning(options, values.quiet)
  })
)
