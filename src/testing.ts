/**
 * Test kit of the package (`mlx-knife/testing`): an isolated cache on disk, a Hub in memory, a Hub over real sockets that can
 * fail in every way (`makeFakeHub`), a scripted Runner. Swap one layer,
 * keep the rest: `Effect.provide(program, Layer.mergeAll(layerIsolatedCache, Runner.layerScripted(…)))`.
 */

import { createHash } from "node:crypto"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { Context, Effect, Layer } from "effect"
import * as CacheDisk from "./cache/Cache.js"
import * as HealthDisk from "./cache/Health.js"
import * as MaintenanceDisk from "./cache/Maintenance.js"
import { directoryName } from "./domain/ModelRef.js"
import type { Cache } from "./services/Cache.js"
import type { Health } from "./services/Health.js"
import type { Maintenance } from "./services/Maintenance.js"
import { Settings, type SettingsValues } from "./services/Settings.js"

/** `rm` with MLXK2_STRICT_TEST_DELETE=1 deletes only below a path with this marker (spec 01 §9.4). */
const MARKER = "mlxk2_test_"
const SENTINEL = directoryName("TEST-CACHE-SENTINEL/mlxk-safety-check")

/** Files of a snapshot: path with `/` -> content. */
export type SnapshotFiles = Readonly<Record<string, string | Uint8Array>>

export interface AddedModel {
  readonly commit: string
  /** The repo's directory, absolute. */
  readonly repoDirectory: string
  /** The snapshot, absolute. */
  readonly snapshotDirectory: string
}

/** A Hugging Face cache of one test, in a temporary directory that goes with the scope. */
export class IsolatedCache extends Context.Tag("mlxk/testing/IsolatedCache")<
  IsolatedCache,
  {
    /** The directory with the `models--…` repos. */
    readonly hub: string
    /** What `HF_HOME` must be for a process that shall use this cache. */
    readonly home: string
    /**
     * Lays a model down as the Hub's library does: blobs, a snapshot of links into them, `refs/main`. The commit follows from
     * name and content. `modified` is the snapshot's time.
     */
    readonly addModel: (name: string, files: SnapshotFiles, modified?: Date) => Effect.Effect<AddedModel>
  }
>() {}

const write = (path: string, content: string | Uint8Array) => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}

const addModel = (hub: string, name: string, files: SnapshotFiles, modified: Date): AddedModel => {
  const commit = createHash("sha1")
    .update(JSON.stringify([name, Object.entries(files).map(([path, content]) => [path, digest(content)])]))
    .digest("hex")
  const repoDirectory = join(hub, directoryName(name))
  const snapshotDirectory = join(repoDirectory, "snapshots", commit)
  mkdirSync(snapshotDirectory, { recursive: true })
  for (const [path, content] of Object.entries(files)) {
    const blob = join(repoDirectory, "blobs", digest(content))
    const link = join(snapshotDirectory, path)
    write(blob, content)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(relative(dirname(link), blob), link)
  }
  write(join(repoDirectory, "refs", "main"), commit)
  utimesSync(snapshotDirectory, modified, modified)
  return { commit, repoDirectory, snapshotDirectory }
}

const digest = (content: string | Uint8Array) => createHash("sha256").update(content).digest("hex")

/** Deletes only what is recognisably a test cache: marker in the path, sentinel in place. */
const remove = (home: string) => {
  if (home.includes(MARKER) && existsSync(join(home, "hub", SENTINEL))) rmSync(home, { recursive: true, force: true })
}

const isolated: Layer.Layer<IsolatedCache> = Layer.scoped(
  IsolatedCache,
  Effect.acquireRelease(
    Effect.sync(() => {
      const home = realpathSync(mkdtempSync(join(tmpdir(), MARKER)))
      const hub = join(home, "hub")
      mkdirSync(join(hub, SENTINEL), { recursive: true })
      return {
        hub,
        home,
        addModel: (name: string, files: SnapshotFiles, modified = new Date("2025-02-03T04:05:06Z")) =>
          Effect.sync(() => addModel(hub, name, files, modified))
      }
    }),
    ({ home }) => Effect.sync(() => remove(home))
  )
)

/** Settings of an empty environment, with some values of one's own. */
export const layerSettings = (values: Partial<SettingsValues> = {}): Layer.Layer<Settings> =>
  Layer.succeed(Settings, {
    hubCache: "/nonexistent/hub",
    home: "/nonexistent",
    hubToken: null,
    pushToken: null,
    hub: { endpoint: "https://huggingface.co", offline: false, httpProxy: null, httpsProxy: null, noProxy: null },
    alphaFeatures: false,
    pipes: false,
    strictTestDelete: true,
    debug: false,
    logJson: false,
    logLevel: null,
    progressBarsDisabled: true,
    workspaceHome: null,
    serve: { host: null, port: null, preloadModel: null, maxTokens: null, reload: false },
    media: { visionChunkSize: null, exifMetadata: true, visionMetadataContext: true, audioSegments: false },
    embed: { backend: null, model: null, cpu: false },
    ...values
  })

/** The real Cache, Health and Maintenance over an isolated cache; the environment of the process plays no part. */
export const layerIsolatedCache: Layer.Layer<IsolatedCache | Settings | Cache | Health | Maintenance> =
  Layer.provideMerge(
    Layer.mergeAll(CacheDisk.layer, HealthDisk.layer, MaintenanceDisk.layer),
    Layer.provideMerge(
      Layer.unwrapEffect(Effect.map(IsolatedCache, ({ home, hub }) => layerSettings({ hubCache: hub, home }))),
      isolated
    )
  )

export { layerHealthMemory, layerMemory as layerMemoryCache, memoryModel } from "./cache/Memory.js"
export { layerMemory as layerMemoryHub, type MemoryRepo } from "./hub/Memory.js"
export {
  layerScripted,
  RunnerRecord,
  type Script,
  type ScriptedAnswer,
  type ScriptedRequest
} from "./runner/Scripted.js"
export { type FakeHub, type FakeHubOptions, makeFakeHub } from "./testing/hub/FakeHub.js"
export type { Fault, Trouble } from "./testing/hub/Faults.js"
export { addCommit, addRepo, type Change, type Content, type StoredRepo } from "./testing/hub/Store.js"
