/**
 * What deleting a model, or one revision of it, takes (spec 01 §9.1). Refs go first: a ref without its snapshot makes Python's
 * scan refuse the whole repo, a snapshot without a ref is merely detached. Then snapshots, then the blobs they used. Pure.
 */
import { Array } from "effect"
import type { PlanItem, RemovalPlan } from "../domain/Reclaim.js"
import type { Entry } from "./Entries.js"
import { type Blob, freedBytes, type Ref, type Repo, type Snapshot, TRASH, touches, usedBlobs } from "./Repo.js"

const sum = (sizes: ReadonlyArray<number>): number => sizes.reduce((total, size) => total + size, 0)

const item = (repo: Repo, kind: PlanItem["kind"], path: string, size_bytes = 0): PlanItem => ({
  kind,
  path: `${repo.directory}/${path}`,
  size_bytes
})

export const refItem = (repo: Repo, { entry }: Ref): PlanItem => item(repo, "ref", entry.path, entry.size)
export const snapshotItem = (repo: Repo, { entry, files }: Snapshot): PlanItem =>
  item(repo, "snapshot", entry.path, sum(files.map((file) => file.entry.size)))
export const blobItem = (repo: Repo, { entry, partial }: Blob): PlanItem =>
  item(repo, partial ? "partial" : "blob", entry.path, entry.size)

export const leftoverItem = (repo: Repo, { path, size }: Entry): PlanItem => item(repo, "leftover", path, size)

/** What Python's library notes about a commit beside its snapshot, and what an interrupted deletion left. */
export const notes = (repo: Repo, commits: ReadonlyArray<string>): ReadonlyArray<PlanItem> => {
  const paths = [TRASH, ...commits.flatMap((commit) => [`.no_exist/${commit}`, `trees/${commit}.json`])]
  return repo.entries.filter(({ path }) => paths.includes(path)).map((entry) => leftoverItem(repo, entry))
}

/** Whether a link of another repo leads to the blob. `elsewhere`: what the other repos' links lead to. */
export const isForeign = (repo: Repo, { entry }: Blob, elsewhere: ReadonlyArray<string>): boolean =>
  touches(elsewhere, `${repo.directory}/${entry.path}`)

/** Blobs of these snapshots that nothing else uses. When a part of the repo is unknown, none is certain. */
export const freeBlobs = (
  repo: Repo,
  gone: ReadonlyArray<Snapshot>,
  elsewhere: ReadonlyArray<string>
): ReadonlyArray<Blob> => {
  if (!repo.known) return []
  const kept = usedBlobs(repo.snapshots.filter((snapshot) => !gone.includes(snapshot)))
  return [...usedBlobs(gone)]
    .filter((name) => !kept.has(name))
    .flatMap((name) => repo.blobs.get(name) ?? [])
    .filter((blob) => !isForeign(repo, blob, elsewhere))
}

/** Blobs that other repos use stay, and with them the repo's directory. */
const wholeModel = (repo: Repo, elsewhere: ReadonlyArray<string>): RemovalPlan => {
  const all = [...repo.blobs.values()]
  const [free, kept] = Array.partition(all, (blob) => isForeign(repo, blob, elsewhere))
  const paths = new Set(kept.map(({ entry }) => entry.path))
  const rest: PlanItem = { kind: "repo", path: repo.directory, size_bytes: 0 }
  return {
    scope: "model",
    items: [
      ...repo.refs.map((ref) => refItem(repo, ref)),
      ...repo.snapshots.map((snapshot) => snapshotItem(repo, snapshot)),
      ...free.map((blob) => blobItem(repo, blob)),
      ...(kept.length === 0 ? [rest] : []),
      { kind: "locks", path: `.locks/${repo.directory}`, size_bytes: 0 }
    ],
    freedBytes: freedBytes(repo.entries.filter(({ path }) => !paths.has(path)))
  }
}

const oneRevision = (repo: Repo, snapshot: Snapshot, elsewhere: ReadonlyArray<string>): RemovalPlan => {
  const refs = repo.refs.filter(({ commit }) => commit === snapshot.name)
  const blobs = freeBlobs(repo, [snapshot], elsewhere)
  return {
    scope: "revision",
    items: [
      ...refs.map((ref) => refItem(repo, ref)),
      snapshotItem(repo, snapshot),
      ...notes(repo, [snapshot.name]),
      ...blobs.map((blob) => blobItem(repo, blob))
    ],
    freedBytes: freedBytes([...snapshot.files, ...blobs].map(({ entry }) => entry))
  }
}

/** `elsewhere`: places that other repos' links lead to. `snapshot` null means the whole model, and so does its only snapshot: what would be left is no model. */
export const removalPlan = (repo: Repo, snapshot: string | null, elsewhere: ReadonlyArray<string>): RemovalPlan => {
  const found = repo.snapshots.find(({ name }) => name === snapshot)
  const whole = found === undefined || repo.snapshots.length === 1
  return whole ? wholeModel(repo, elsewhere) : oneRevision(repo, found, elsewhere)
}
