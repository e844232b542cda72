/** `push` for people (spec 01 §10.7). Pure. */
import type { PushData, PushEvent } from "../../domain/Push.js"
import { FILE_UNITS, sizeText } from "../../domain/Size.js"
import { visible } from "../../domain/Text.js"

const PREFIX = "push (experimental): "

const changes = ({ change_summary: summary }: PushData): string =>
  summary === undefined ? "" : `+${summary.added} ~${summary.modified ?? "?"} -${summary.deleted}`

const dryRun = (data: PushData, verbose: boolean): string => {
  if (data.no_changes === true) return "dry-run: no changes"
  const made = [
    ...(data.would_create_repo === true ? ["the repository"] : []),
    ...(data.would_create_branch === true ? ["the branch"] : [])
  ]
  const hint = verbose && made.length > 0 ? `; would create ${made.join(" and ")}` : ""
  return `dry-run: ${changes(data)}${hint}`
}

const upload = (data: PushData, verbose: boolean): string => {
  const message = visible(data.message ?? "")
  if (data.no_changes === true) return verbose ? `no changes (${message})` : "no changes"
  if (data.commit_sha === null) return message
  const url = verbose && data.commit_url !== null ? ` <${visible(data.commit_url)}>` : ""
  return `commit ${visible(data.commit_sha).slice(0, 7)} (${changes(data)})${url}`
}

/** The result on one line; a check adds a line per anomaly. */
export const pushText = (data: PushData, verbose: boolean): string => {
  const head = `${PREFIX}${visible(`${data.repo_id}@${data.branch}`)} — `
  if (data.workspace_health !== undefined) {
    const found = data.workspace_health.anomalies.map(({ message, severity }) => `  ${severity}: ${visible(message)}\n`)
    return `${head}${visible(data.message ?? "")}\n${found.join("")}`
  }
  return `${head}${data.dry_run === true ? dryRun(data, verbose) : upload(data, verbose)}\n`
}

const files = (count: number, kind: string): string => `${count} ${kind}${count === 1 ? "" : "s"}`

/** Hashing less is over before it is read. */
const LONG_HASH_BYTES = 100_000_000

/** A note worth a line while it runs; null for the many small steps. */
export const pushNote = (event: PushEvent, verbose: boolean): string | null => {
  switch (event._tag) {
    case "RepoCreated":
      return "The repository is created"
    case "Hashing":
      return verbose || event.size >= LONG_HASH_BYTES
        ? `Hashing ${event.path} (${sizeText(event.size, FILE_UNITS)})`
        : null
    case "Uploading":
      return event.files === 0
        ? null
        : `Uploading ${files(event.files, "large file")} (${sizeText(event.bytes, FILE_UNITS)})`
    case "Stored": {
      if (!verbose) return null
      return event.alreadyThere ? `${event.path} is there already` : `${event.path} is uploaded`
    }
    case "Committing":
      return `Committing ${files(event.files, "file")}`
    default:
      return null
  }
}
