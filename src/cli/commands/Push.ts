/** `push <local_dir> <repo_id>` (spec 01 §1.7, §10). */
import { Effect } from "effect"
import type { PushOptions } from "../../operations/Push.js"
import { command, type Values } from "../CommandFile.js"
import { demanded, filled, json, required, toggle, value } from "../Parameter.js"

const parameters = {
  directory: required("local_dir", "Local folder to upload"),
  repo: required("repo_id", "Target repo as org/model"),
  create: toggle("create", "Create repository/branch if missing"),
  private: demanded(
    "private",
    "REQUIRED: says that the target is a private repo; a repo that is created is private",
    "push wants to be told that the target is a private repo"
  ),
  branch: value("branch", filled, "Target branch (default: main)"),
  commit: value("commit", filled, "Commit message (default: mlx-knife push)"),
  checkOnly: toggle("check-only", "Analyze workspace content; do not upload"),
  dryRun: toggle("dry-run", "Compute changes against remote; do not upload"),
  verbose: toggle("verbose", "Verbose details (human output)"),
  json
}

/** `--check-only` wins (spec 01 §1.7). */
const optionsOf = (values: Values<typeof parameters>): PushOptions => {
  const look = values.dryRun ? "plan" : "upload"
  return {
    directory: values.directory,
    repo: values.repo,
    branch: values.branch ?? "main",
    message: values.commit ?? "mlx-knife push",
    create: values.create,
    mode: values.checkOnly ? "check" : look
  }
}

export const push = command("push", { about: "Upload a local folder to the Hub", parameters }, (values) =>
  Effect.gen(function* () {
    // Loaded when it is wanted: the other commands start without it.
    const { uploading } = yield* Effect.promise(() => import("../Uploading.js"))
    yield* uploading(optionsOf(values), values.verbose)
  })
)
