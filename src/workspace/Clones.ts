/** The live Clones: targets and stages on this disk. */
import { accessSync, constants, lstatSync, readdirSync, realpathSync, statSync } from "node:fs"
import { basename, dirname, isAbsolute, join, resolve, sep } from "node:path"
import { Effect, Either, Layer } from "effect"
import { locate } from "../cache/Layout.js"
import { CloneFailed, CloneTargetInvalid } from "../domain/Errors.js"
import { systemCode } from "../domain/FileProblems.js"
import { Clones } from "../services/Clones.js"
import { Settings } from "../services/Settings.js"
import { layDown } from "./LayDown.js"
import {
  discardStage,
  emptyStage,
  holdsBytes,
  isComplete,
  markComplete,
  openStage,
  releaseStage,
  stageDirectory
} from "./Stage.js"
import { isDirectory } from "./Walk.js"

const invalid = (path: string, problem: string) => new CloneTargetInvalid({ path, problem })

/** With all links followed as far as there is something. */
const real = (path: string): string =>
  Either.getOrElse(
    Either.try(() => realpathSync(path)),
    () => path
  )

const directoryProblem = (path: string): string | null => {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) return "is a link"
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return null
  if (!stats.isDirectory()) return "exists but is not a directory"
  return readdirSync(path).length === 0 ? null : "is not empty"
}

const parentProblem = (path: string): string | null => {
  const parent = dirname(path)
  if (statSync(parent, { throwIfNoEntry: false })?.isDirectory() !== true) return "has no parent directory"
  try {
    accessSync(parent, constants.W_OK | constants.X_OK)
    return null
  } catch {
    return "lies in a directory that may not be written"
  }
}

/** A directory among the cached models would look like one of them. */
const cacheProblem = (path: string, hubCache: string): string | null =>
  `${real(dirname(path))}${sep}`.startsWith(`${real(hubCache)}${sep}`) ? "lies in the model cache" : null

/** Why nothing can be cloned to there; null when it can. */
const targetProblem = (path: string, hubCache: string): string | null =>
  Either.getOrElse(
    Either.try({
      try: () => directoryProblem(path) ?? parentProblem(path) ?? cacheProblem(path, hubCache),
      catch: (error) => `cannot be looked at (${systemCode(error)})`
    }),
    (problem) => problem
  )

/** A name without a separator lies in the workspace home (spec 01 §11.2). */
const isBare = (typed: string): boolean =>
  !typed.includes("/") && !typed.includes("\\") && typed !== "." && typed !== ".."

const lastName = (repo: string): string => repo.slice(repo.lastIndexOf("/") + 1)

/** Codes of a rename onto something. */
const IN_THE_WAY = ["EEXIST", "ENOTDIR", "ENOTEMPTY"]

/** A promise whose interruption waits until it has really ended: the next clone may use the same stage. */
const settled = <A>(work: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, unknown> =>
  Effect.async((resume, signal) => {
    const running = work(signal)
    running.then(
      (value) => resume(Effect.succeed(value)),
      (error) => resume(Effect.fail(error))
    )
    return Effect.promise(() => running.then(undefined, () => undefined))
  })

const make = Effect.gen(function* () {
  const { hubCache, workspaceHome } = yield* Settings

  const failed = (path: string) => (error: unknown) => new CloneFailed({ path, problem: systemCode(error) })
  const onDisk = <A>(path: string, operation: () => A) => Effect.try({ try: operation, catch: failed(path) })

  const inHome = (name: string) => {
    if (workspaceHome === null) return Either.left(invalid(name, "needs a path, or MLXK_WORKSPACE_HOME"))
    const home = resolve(workspaceHome)
    return isDirectory(home)
      ? Either.right(join(home, name))
      : Either.left(invalid(home, "is no directory (MLXK_WORKSPACE_HOME)"))
  }

  return Clones.of({
    target: (typed, repo) =>
      Effect.gen(function* () {
        const short = typed === null
        const name = typed ?? lastName(repo)
        const bare = short || (workspaceHome !== null && isBare(name))
        const path = bare ? yield* inHome(name) : resolve(name)
        if (basename(path) === "" || !isAbsolute(path)) return yield* invalid(path, "is no name for a directory")
        // The short form never means a directory that is there already.
        if (short && isDirectory(path)) return yield* invalid(path, "already exists")
        const problem = targetProblem(path, hubCache)
        return problem === null ? path : yield* invalid(path, problem)
      }),
    open: (spec, target) =>
      Effect.acquireRelease(
        Effect.flatMap(
          onDisk(dirname(target), () => openStage(stageDirectory(spec, target))),
          (opened) => ("stage" in opened ? Effect.succeed(opened.stage) : Effect.fail(invalid(target, opened.problem)))
        ),
        (stage) => Effect.ignore(Effect.try(() => releaseStage(stage)))
      ),
    empty: (stage) => onDisk(stage.directory, () => emptyStage(stage)),
    isComplete: (stage) => Effect.sync(() => isComplete(stage)),
    complete: (stage) => onDisk(stage.directory, () => markComplete(stage)),
    staged: (stage, repo) => Effect.sync(() => locate(stage.hubCache, repo, null)),
    layDown: (stage, { repoDirectory, snapshotDirectory }, target, origin) => {
      const work = join(stage.directory, "workspace")
      const laying = { snapshot: snapshotDirectory ?? repoDirectory, work, target, origin }
      return Effect.mapError(
        settled((signal) => layDown(laying, signal)),
        (error) => {
          const code = systemCode(error)
          return IN_THE_WAY.includes(code)
            ? invalid(target, "came to exist meanwhile; the download is kept")
            : new CloneFailed({ path: target, problem: code })
        }
      )
    },
    abandon: (stage) =>
      Effect.ignore(
        Effect.try(() => {
          if (!holdsBytes(stage)) discardStage(stage)
        })
      ),
    discard: (stage) => Effect.ignore(Effect.try(() => discardStage(stage)))
  })
})

export const layer: Layer.Layer<Clones, never, Settings> = Layer.effect(Clones, make)
