/** Caches as data (test/golden/cache/README.md has the format), laid down in a temporary directory with the live services over it. */
import { createHash } from "node:crypto"
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer, type Scope } from "effect"
import * as LiveCache from "../../src/cache/Cache.js"
import * as LiveHealth from "../../src/cache/Health.js"
import * as LiveMaintenance from "../../src/cache/Maintenance.js"
import type { Cache } from "../../src/services/Cache.js"
import type { Health } from "../../src/services/Health.js"
import type { Maintenance } from "../../src/services/Maintenance.js"
import type { Settings } from "../../src/services/Settings.js"
import { layerSettings } from "../../src/testing.js"
import { buildTree } from "../golden/cache/build.mjs"

export type FileSpec =
  | { readonly text: string; readonly copy?: boolean; readonly shared?: string }
  | { readonly json: unknown; readonly copy?: boolean; readonly shared?: string }
  | { readonly link: string }

export interface RepoSpec {
  readonly repo: string
  readonly type?: "models" | "datasets" | "spaces"
  readonly layout?: "copies"
  readonly refs?: Readonly<Record<string, string>>
  readonly snapshots?: Readonly<
    Record<string, { readonly files: Readonly<Record<string, FileSpec>>; readonly mtime?: string }>
  >
  /** Further files of the repo's directory. */
  readonly extra?: Readonly<Record<string, FileSpec>>
}

export interface TreeSpec {
  readonly repos: ReadonlyArray<RepoSpec>
  /** Further files, such as `hub/CACHEDIR.TAG`. */
  readonly files?: Readonly<Record<string, FileSpec | { readonly dir: true }>>
  readonly locks?: Readonly<Record<string, ReadonlyArray<string>>>
}

/** Makes `hub/blobs` a shared store. */
export const STORE_FILES = { "hub/blobs/.huggingface-shared-blobs": { text: "1\n" } }

/** Lays a tree down; the answer is its hub cache. */
export const laidDown = (tree: TreeSpec): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => realpathSync(mkdtempSync(join(tmpdir(), "mlxk2_test_")))),
    (root) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
  ).pipe(
    Effect.map((root) => {
      buildTree({ name: "test", ...tree }, root)
      return join(root, "hub")
    })
  )

/** The live services over a hub cache. */
export const over = (hub: string): Layer.Layer<Cache | Health | Maintenance | Settings> =>
  Layer.mergeAll(LiveCache.layer, LiveHealth.layer, LiveMaintenance.layer).pipe(
    Layer.provideMerge(layerSettings({ hubCache: hub, home: hub }))
  )

/** Every path below a directory with what lies there: the target of a link, the hash of a file. */
export const contents = (root: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  const visit = (prefix: string) => {
    for (const name of readdirSync(join(root, prefix))) {
      const path = prefix + name
      const full = join(root, path)
      const stats = lstatSync(full)
      if (stats.isSymbolicLink()) found.set(path, `-> ${readlinkSync(full)}`)
      else if (stats.isDirectory()) visit(`${path}/`)
      else if (stats.isFile()) found.set(path, createHash("sha256").update(readFileSync(full)).digest("hex"))
    }
  }
  visit("")
  return found
}
