/** `rm`, `gc` and `du` for people. Pure. */
import type { CollectData, PlanItem, RemoveData, RepoUsage, UsageData } from "../../domain/Reclaim.js"
import { MODEL_UNITS, sizeText } from "../../domain/Size.js"
import { visible } from "../../domain/Text.js"
import { table } from "../Format.js"

const size = (bytes: number): string => sizeText(bytes, MODEL_UNITS)

const text = (lines: ReadonlyArray<string>): string => lines.map((line) => `${line}\n`).join("")

const planLines = (plan: ReadonlyArray<PlanItem>): ReadonlyArray<string> =>
  plan.map(
    ({ kind, path, size_bytes }) =>
      `  ${kind.padEnd("snapshot".length)}  ${size(size_bytes).padStart(9)}  ${visible(path)}`
  )

/** Spec 01 §9.3. */
export const removeText = (data: RemoveData): string =>
  text([
    `rm: ${visible(data.model)} — ${data.action}: ${visible(data.message)}`,
    ...(data.dry_run ? [...planLines(data.plan), `Would free ${size(data.freed_bytes)}`] : [])
  ])

export const collectText = ({ dry_run, freed_bytes, message, plan }: CollectData): string =>
  text([...planLines(plan), `gc: ${message}`, `${dry_run ? "Would free" : "Freed"} ${size(freed_bytes)}`])

/** Datasets and spaces may have the names of models. */
export const usageName = ({ name, type }: RepoUsage): string => (type === "model" ? name : `${type}s/${name}`)

/** `width` of the terminal, null for none. */
export const usageText = ({ repos, total }: UsageData, width: number | null): string =>
  table(
    ["Name", "Revisions", "Logical", "On disk", "Unused", "Exclusive"],
    [
      ...repos.map((repo) => [
        visible(usageName(repo)),
        String(repo.revisions),
        ...[repo.logical_bytes, repo.on_disk_bytes, repo.unused_bytes, repo.exclusive_bytes].map(size)
      ]),
      ["Total", "", ...[total.logical_bytes, total.on_disk_bytes, total.unused_bytes].map(size), ""]
    ],
    width
  )
