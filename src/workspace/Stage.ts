/** The private cache beside a clone's target: found again by its name, held by one process, deleted only if it is one. */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { Option } from "effect"
import { alive, type Holder, mine, parsed, written } from "../cache/Holder.js"
import type { Stage } from "../services/Clones.js"

/** Stands in every stage; nothing without it is ever deleted. It says who is at work there. */
const SENTINEL = ".mlxk2_temp_cache_sentinel"
const COMPLETE = ".mlxk2_download_complete"

/** The same clone finds the same stage (spec 01 §11.1). */
export const stageDirectory = (spec: string, target: string): string => {
  const digest = createHash("sha256").update(`${spec}:${target}`).digest("hex").slice(0, 16)
  return join(dirname(target), `.mlxk2_temp_${digest}`)
}

const isMine = (holder: Holder): boolean => written(holder) === written(mine())

const holderOf = (directory: string): Holder | null =>
  Option.getOrNull(parsed(readFileSync(join(directory, SENTINEL), "utf8")))

/** What stands in the way; null when the stage may be used. Throws the system's error. */
type Opened = { readonly stage: Stage } | { readonly problem: string }

export const openStage = (directory: string): Opened => {
  const sentinel = join(directory, SENTINEL)
  const resumed = existsSync(directory)
  if (resumed && !existsSync(sentinel)) return { problem: `cannot be staged: ${directory} is in the way` }
  const holder = resumed ? holderOf(directory) : null
  if (holder !== null && !isMine(holder) && alive(holder)) {
    return { problem: `is being cloned to by process ${holder.pid} on ${holder.host}` }
  }
  mkdirSync(directory, { recursive: true })
  writeFileSync(sentinel, written(mine()))
  return { stage: { directory, hubCache: join(directory, "hub"), resumed } }
}

/** Nobody is at work there any more; what was downloaded stays. */
export const releaseStage = ({ directory }: Stage): void => {
  if (existsSync(join(directory, SENTINEL))) writeFileSync(join(directory, SENTINEL), "")
}

export const isComplete = ({ directory }: Stage): boolean => existsSync(join(directory, COMPLETE))
export const markComplete = ({ directory }: Stage): void => writeFileSync(join(directory, COMPLETE), "")

/** The downloads go, the stage stays. */
export const emptyStage = ({ directory, hubCache }: Stage): void => {
  rmSync(join(directory, COMPLETE), { force: true })
  rmSync(hubCache, { recursive: true, force: true })
}

/** A directory without the sentinel isn't one of ours. The sentinel goes last, so that a half-deleted stage is still one. */
export const discardStage = ({ directory, hubCache }: Stage): void => {
  if (!existsSync(join(directory, SENTINEL))) return
  rmSync(hubCache, { recursive: true, force: true })
  rmSync(directory, { recursive: true, force: true })
}

/** True when any byte of a file of the repo has come. Locks are not the repo's. */
export const holdsBytes = ({ hubCache }: Stage): boolean =>
  existsSync(hubCache) &&
  readdirSync(hubCache, { recursive: true, withFileTypes: true }).some(
    (entry) =>
      entry.isFile() && basename(entry.parentPath) === "blobs" && statSync(join(entry.parentPath, entry.name)).size > 0
  )
