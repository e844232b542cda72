/** Carries a plan out, step by step: no link is followed, nothing outside the hub cache is touched. */
import { lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, unlinkSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { systemCode } from "../domain/FileProblems.js"
import type { PlanItem } from "../domain/Reclaim.js"
import { TRASH } from "./Repo.js"

/** One change of the file system; `path` is absolute. */
export type Step =
  | { readonly do: "unlink" | "rmdir"; readonly path: string | Buffer }
  | { readonly do: "mkdir"; readonly path: string }
  | { readonly do: "rename"; readonly path: string; readonly to: string }

const kindOf = (path: string | Buffer): "directory" | "other" | "nothing" => {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return "nothing"
  return stats.isDirectory() ? "directory" : "other"
}

const SLASH = Buffer.from("/")

/** A whole tree, contents before their directory. Names are bytes on the disk, and not all of them are UTF-8. */
function* tree(path: string | Buffer): Generator<Step> {
  const kind = kindOf(path)
  if (kind === "other") yield { do: "unlink", path }
  if (kind !== "directory") return
  const names = readdirSync(path, { encoding: "buffer" }).sort(Buffer.compare)
  for (const name of names) yield* tree(Buffer.concat([Buffer.from(path), SLASH, name]))
  yield { do: "rmdir", path }
}

/** What was a file in the plan and is a directory by now isn't what was meant. */
function* file(path: string): Generator<Step> {
  if (kindOf(path) === "other") yield { do: "unlink", path }
}

/** A snapshot is moved away in one step, so that nobody ever sees half of it. */
function* snapshot(path: string): Generator<Step> {
  const trash = join(dirname(dirname(path)), TRASH)
  const moved = join(trash, basename(path))
  if (kindOf(trash) === "other") yield { do: "unlink", path: trash }
  yield* tree(moved) // of an earlier try
  if (kindOf(path) !== "nothing") {
    yield { do: "mkdir", path: trash }
    yield { do: "rename", path, to: moved }
  }
  yield* tree(trash)
}

/** `snapshots` goes last: a repo without it is one that Python's scan complains about. */
function* remainder(repo: string): Generator<Step> {
  if (kindOf(repo) !== "directory") return
  const names = readdirSync(repo, { encoding: "buffer" }).filter((name) => name.toString() !== "snapshots")
  for (const name of [...names.sort(Buffer.compare), Buffer.from("snapshots")]) {
    yield* tree(Buffer.concat([Buffer.from(repo), SLASH, name]))
  }
  yield { do: "rmdir", path: repo }
}

const kinds: { readonly [Kind in PlanItem["kind"]]: (path: string) => Generator<Step> } = {
  ref: file,
  snapshot,
  blob: file,
  partial: file,
  shared: file,
  leftover: tree,
  repo: remainder,
  locks: tree
}

/** Between the hub cache and the item there are real directories only: a link would lead elsewhere. */
const isInside = (hub: string, path: string): boolean => {
  const parts = path.split("/")
  if (parts.some((part) => part === "" || part === "." || part === "..")) return false
  return parts.slice(1).every((_, index) => kindOf(join(hub, ...parts.slice(0, index + 1))) !== "other")
}

/** The steps of an item, found as they are taken: what came up meanwhile is seen. */
export function* stepsOf(hub: string, { kind, path }: PlanItem): Generator<Step> {
  if (isInside(hub, path)) yield* kinds[kind](join(hub, path))
}

const GONE = "ENOENT"

const change = (step: Step): void => {
  if (step.do === "unlink") unlinkSync(step.path)
  else if (step.do === "rmdir") rmdirSync(step.path)
  else if (step.do === "rename") renameSync(step.path, step.to)
  else mkdirSync(step.path, { recursive: true })
}

/** Takes a step. What is already gone is no failure: others may clean up at the same time. */
export const take = (step: Step): void => {
  try {
    change(step)
  } catch (error) {
    if (systemCode(error) !== GONE) throw error
  }
}
