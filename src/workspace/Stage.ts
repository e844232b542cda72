/** The private cache beside a clone's target: found again by its name, held by one process, deleted only if it is one. */
import { createHash } from "node:crypto"
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { basename, dirname, join } from "node:path"
import { Either, Option } from "effect"
import { alive, type Holder, mine, parsed, written } from "../cache/Holder.js"
import { systemCode } from "../domain/FileProblems.js"
import type { Stage } from "../services/Clones.js"

/** Stands in every stage; nothing without it is ever deleted. */
const SENTINEL = ".mlxk2_temp_cache_sentinel"
/** Says who is at work there; gone when nobody is. */
const HOLDER = ".mlxk2_temp_cache_holder"
const COMPLETE = ".mlxk2_download_complete"

/** A record that can't be read is being written, unless it is older. */
const WRITING_MS = 60_000

/** The same clone finds the same stage (spec 01 §11.1). */
export const stageDirectory = (spec: string, target: string): string => {
  const digest = createHash("sha256").update(`${spec}:${target}`).digest("hex").slice(0, 16)
  return join(dirname(target), `.mlxk2_temp_${digest}`)
}

const attempt = <A>(operation: () => A): Either.Either<A, string> => Either.try({ try: operation, catch: systemCode })

/** Who holds a stage; null when nobody does any more. */
const holderOf = (path: string): Holder | "somebody" | null => {
  const text = Either.getOrNull(attempt(() => readFileSync(path, "utf8")))
  if (text === null) return null
  const holder = Option.getOrNull(parsed(text))
  if (holder !== null) return alive(holder) ? holder : null
  const age = attempt(() => Date.now() - statSync(path).mtimeMs)
  return Either.isRight(age) && age.right < WRITING_MS ? "somebody" : null
}

let serial = 0

/** Writes this process down; null, or who did so before. A dead holder's record is taken away by its name, so by one only. */
const take = (path: string): Holder | "somebody" | null => {
  for (;;) {
    const noted = attempt(() => writeFileSync(path, written(mine()), { flag: "wx" }))
    if (Either.isRight(noted)) return null
    if (noted.left !== "EEXIST") throw Object.assign(new Error(), { code: noted.left })
    const holder = holderOf(path)
    if (holder !== null) return holder
    const aside = `${path}.${process.pid}-${++serial}`
    attempt(() => renameSync(path, aside))
    // Somebody else may have taken over in between: theirs goes back.
    if (holderOf(aside) !== null) attempt(() => linkSync(aside, path))
    rmSync(aside, { force: true })
  }
}

/** A stage appears with its sentinel, or not at all. */
const makeStage = (directory: string): void => {
  const fresh = `${directory}.${process.pid}-${++serial}`
  mkdirSync(fresh)
  writeFileSync(join(fresh, SENTINEL), "")
  const renamed = attempt(() => renameSync(fresh, directory))
  if (Either.isRight(renamed)) return
  rmSync(fresh, { recursive: true, force: true })
  if (!existsSync(directory)) throw Object.assign(new Error(), { code: renamed.left })
}

/** What stands in the way; null when the stage may be used. Throws the system's error. */
type Opened = { readonly stage: Stage } | { readonly problem: string }

export const openStage = (directory: string): Opened => {
  const resumed = existsSync(directory)
  if (!resumed) makeStage(directory)
  if (!existsSync(join(directory, SENTINEL))) return { problem: `cannot be staged: ${directory} is in the way` }
  const holder = take(join(directory, HOLDER))
  if (holder === null) return { stage: { directory, hubCache: join(directory, "hub"), resumed } }
  return {
    problem: `is being cloned to by ${holder === "somebody" ? "another process" : `process ${holder.pid} on ${holder.host}`}`
  }
}

/** Nobody is at work there any more; what was downloaded stays. */
export const releaseStage = ({ directory }: Stage): void => rmSync(join(directory, HOLDER), { force: true })

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
