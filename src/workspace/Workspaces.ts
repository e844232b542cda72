/** The live Workspaces: the user's directories on this disk. */
import { existsSync, readdirSync, statSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { basename, dirname, join, resolve } from "node:path"
import { Effect, Either, Layer } from "effect"
import { readerOf } from "../cache/Files.js"
import { isLfsPointer, LFS_POINTER_LIMIT_BYTES } from "../checkpoint/Integrity.js"
import { byCodePoint } from "../domain/CachedModel.js"
import { AmbiguousWorkspace, IgnoreFileTooLarge, WorkspaceNotFound } from "../domain/Errors.js"
import { Workspaces } from "../services/Workspaces.js"
import { fileHash } from "./Hash.js"
import { isDirectory, walk } from "./Walk.js"

const MIB = 2 ** 20
const CONFIG_LIMIT_BYTES = 16 * MIB
const INDEX_LIMIT_BYTES = 64 * MIB
const IGNORE_LIMIT_BYTES = MIB

/** Starts like a path, or is one of the two that are always there (spec 01 §3.5). A bare name is never a beginning. */
const isExplicit = (path: string): boolean => /^(\.{0,2}\/|\.\.?$)/.test(path)

/** Neighbours that begin like the path and hold a config.json. */
const beginning = (path: string): ReadonlyArray<string> => {
  const parent = dirname(path)
  if (!isDirectory(parent)) return []
  return readdirSync(parent)
    .filter((name) => name.startsWith(basename(path)))
    .map((name) => join(parent, name))
    .filter((candidate) => isDirectory(candidate) && existsSync(join(candidate, "config.json")))
    .sort(byCodePoint)
}

const depth = (path: string): number => path.split("/").length

/** The index that counts: the usual name, else the nearest to the root. Undefined without one. */
const indexOf = (paths: ReadonlySet<string>): string | undefined => {
  const usual = "model.safetensors.index.json"
  if (paths.has(usual)) return usual
  const others = [...paths].filter((path) => path.endsWith(".safetensors.index.json"))
  return others.toSorted((left, right) => depth(left) - depth(right) || byCodePoint(left, right))[0]
}

export const layer: Layer.Layer<Workspaces> = Layer.succeed(Workspaces, {
  find: (path) =>
    Effect.gen(function* () {
      const notFound = new WorkspaceNotFound({ path })
      const root = resolve(path)
      if (isDirectory(root)) return root
      if (!isExplicit(path)) return yield* notFound
      const matches = yield* Effect.try({ try: () => beginning(root), catch: () => notFound })
      const [only] = matches
      if (only === undefined) return yield* notFound
      return matches.length === 1 ? only : yield* new AmbiguousWorkspace({ path, matches })
    }),
  files: (root) =>
    Effect.tryPromise({ try: () => walk(root), catch: () => new WorkspaceNotFound({ path: root }) }).pipe(
      Effect.withSpan("Workspaces.files")
    ),
  hfignore: (root) =>
    Effect.gen(function* () {
      const path = join(root, ".hfignore")
      const found = Either.getOrNull(Either.try(() => statSync(path)))
      if (found?.isFile() !== true) return null
      if (found.size > IGNORE_LIMIT_BYTES) {
        return yield* new IgnoreFileTooLarge({ path, limitBytes: IGNORE_LIMIT_BYTES })
      }
      return yield* Effect.promise(() => readFile(path, "utf8").catch(() => null))
    }),
  inspect: (root, files) =>
    Effect.sync(() => {
      const paths = new Set(files.map(({ path }) => path))
      const reader = readerOf(root, paths)
      const index = indexOf(paths)
      return {
        root,
        files,
        config: reader.json("config.json", CONFIG_LIMIT_BYTES),
        index: index === undefined ? { _tag: "Missing" as const } : reader.json(index, INDEX_LIMIT_BYTES),
        lfsPointers: files
          .filter(({ size }) => size <= LFS_POINTER_LIMIT_BYTES)
          .map(({ path }) => path)
          .filter((path) => isLfsPointer(reader.head(path, LFS_POINTER_LIMIT_BYTES)))
      }
    }),
  hash: (root, file, kind) =>
    Effect.promise(() => fileHash(join(root, file.path), file, kind).catch(() => null)).pipe(
      Effect.withSpan("Workspaces.hash")
    )
})
