/**
 * Leases: files beside a repo's locks, each naming a process that runs a model of the repo. Python's tools ignore them there.
 * A lease whose process is gone counts for nothing.
 */
import { mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { Effect, Layer, Option } from "effect"
import { DIRECTORY_PREFIX } from "../domain/ModelRef.js"
import { Leases } from "../services/Leases.js"
import { isLink, smallText } from "./Entries.js"
import { alive, type Holder, mine, parsed, written } from "./Holder.js"
import { lockDirectory } from "./Layout.js"

const SUFFIX = ".lease"
/** A record is a line; anything longer isn't one. */
const MAX_RECORD_BYTES = 4096

/** The repo that a snapshot, or the repo's own directory, belongs to; null for a model outside any cache. */
const repoOf = (directory: string): string | null => {
  const parent = dirname(directory)
  const repo = basename(parent) === "snapshots" ? dirname(parent) : directory
  return basename(repo).startsWith(DIRECTORY_PREFIX) ? repo : null
}

const quietly = <A>(operation: () => A, otherwise: A): A => {
  try {
    return operation()
  } catch {
    return otherwise
  }
}

const recordAt = (path: string): Option.Option<Holder> =>
  Option.flatMap(Option.fromNullable(smallText(path, MAX_RECORD_BYTES)), parsed)

/** The records of a repo's lock directory: locks and leases, of the living and of the dead. */
export const holders = (directory: string): ReadonlyArray<readonly [path: string, holder: Holder]> =>
  quietly(() => readdirSync(directory), []).flatMap((name) => {
    const path = join(directory, name)
    return Option.match(recordAt(path), { onNone: () => [], onSome: (holder) => [[path, holder] as const] })
  })

/** The processes that run a model of this repo now. `repo` is the name of its directory. */
export const users = (hub: string, repo: string): ReadonlyArray<Holder> =>
  holders(lockDirectory(hub, repo))
    .filter(([path, holder]) => path.endsWith(SUFFIX) && alive(holder))
    .map(([, holder]) => holder)

let count = 0

const write = (repo: string): string | null => {
  const directory = lockDirectory(dirname(repo), basename(repo))
  if (isLink(dirname(directory)) || isLink(directory)) return null // it may lead out of the cache
  mkdirSync(directory, { recursive: true })
  for (const [path, holder] of holders(directory)) {
    if (path.endsWith(SUFFIX) && !alive(holder)) rmSync(path, { force: true })
  }
  const path = join(directory, `mlxk-${process.pid}-${count++}${SUFFIX}`)
  writeFileSync(path, written(mine()))
  return path
}

const remove = (path: string) => {
  rmSync(path, { force: true })
  rmdirSync(dirname(path)) // fails, as it should, when something else lies there
}

/** Leases as files of the cache that a model lies in. */
export const layer: Layer.Layer<Leases> = Layer.succeed(Leases, {
  hold: ({ directory }) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const repo = repoOf(directory)
        return repo === null ? null : quietly(() => write(repo), null)
      }),
      (path) => Effect.sync(() => path !== null && quietly(() => remove(path), undefined))
    ).pipe(Effect.asVoid)
})
