/** Pulling from the fake Hub: repos of known content, the real client, a cache that is checked byte by byte. */
import { createHash } from "node:crypto"
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs"
import { join } from "node:path"
import { Cause, Effect, Exit, Layer, Option, Stream } from "effect"
import * as CacheDisk from "../../src/cache/Cache.js"
import * as HealthDisk from "../../src/cache/Health.js"
import { directoryName } from "../../src/domain/ModelRef.js"
import type { PullData, PullEvent } from "../../src/domain/Pull.js"
import * as HubClient from "../../src/hub/Client.js"
import * as HubHttp from "../../src/hub/Hub.js"
import { layerWith } from "../../src/hub/transfer/Transfer.js"
import { fetchAll, type PullError, type PullOptions, pull } from "../../src/operations/Pull.js"
import type { Cache } from "../../src/services/Cache.js"
import type { Health } from "../../src/services/Health.js"
import type { Hub } from "../../src/services/Hub.js"
import type { Settings, SettingsValues } from "../../src/services/Settings.js"
import type { Transfer } from "../../src/services/Transfer.js"
import type { FakeHub } from "../../src/testing/hub/FakeHub.js"
import { addCommit, addRepo, type Change } from "../../src/testing/hub/Store.js"
import { layerSettings } from "../../src/testing.js"

export const CONFIG = JSON.stringify({ model_type: "llama", quantization: { group_size: 64, bits: 4 } })

/** Bytes that differ from place to place, the same for the same seed. */
export const noise = (size: number, seed = 1): Buffer => {
  const bytes = Buffer.allocUnsafe(size)
  let state = (seed * 2654435761) >>> 0
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

export type Files = Readonly<Record<string, string | Buffer>>

/** Adds a commit: `.safetensors` files become LFS objects, as on the Hub. Answers the commit. */
export const publish = (hub: FakeHub, name: string, files: Files, branch = "main"): string => {
  const repo = hub.store.repos.get(name) ?? addRepo(hub.store, name)
  const changes = Object.entries(files).map(([path, text]): Change => {
    const content = Buffer.from(text)
    if (!path.endsWith(".safetensors")) return { path, content }
    const oid = createHash("sha256").update(content).digest("hex")
    hub.store.objects.set(oid, { size: content.length, content })
    return { path, oid, size: content.length }
  })
  return addCommit(hub.store, repo, branch, changes)
}

export interface Place {
  readonly hub: FakeHub
  /** The hub cache. */
  readonly cache: string
  readonly settings?: Partial<SettingsValues>
}

/** Chunks are small, a silence is short, a retry comes at once. */
export const TUNING = { silenceMs: 250, firstDelayMs: 1, maxFailures: 4, chunkBytes: 64 * 1024 }

export const layerFor = (
  { cache, hub, settings = {} }: Place,
  tuning = TUNING
): Layer.Layer<Cache | Health | Hub | Transfer | Settings> =>
  Layer.mergeAll(CacheDisk.layer, HealthDisk.layer, HubHttp.layer, layerWith(tuning)).pipe(
    Layer.provide(HubClient.layer),
    Layer.provideMerge(
      layerSettings({
        hubCache: cache,
        hub: { endpoint: hub.endpoint, offline: false, httpProxy: null, httpsProxy: null, noProxy: null },
        ...settings
      })
    )
  )

export interface Pulled {
  readonly events: ReadonlyArray<PullEvent>
  readonly data: PullData | null
  readonly error: PullError | null
}

/** Runs a pull to its end, however that is. A bug of the program is a bug of the test. */
export const pullOf = (place: Place, name: string, options: Partial<PullOptions> = {}, tuning = TUNING) =>
  Effect.gen(function* () {
    const events: Array<PullEvent> = []
    const exit = yield* Stream.runForEach(pull(name, { ...fetchAll, resume: false, ...options }), (event) =>
      Effect.sync(() => events.push(event))
    ).pipe(Effect.provide(layerFor(place, tuning)), Effect.exit)
    const last = events.at(-1)
    const data = last?._tag === "Finished" ? last.data : null
    const error = Exit.isSuccess(exit) ? null : Option.getOrThrowWith(Cause.failureOption(exit.cause), () => exit.cause)
    return { events, data, error } satisfies Pulled
  })

/** Every file of the snapshot, by path; links are followed. */
export const snapshotOf = (cache: string, name: string, commit: string): Record<string, Buffer> => {
  const root = join(cache, directoryName(name), "snapshots", commit)
  if (!existsSync(root)) return {}
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
  return Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(root, path))]))
}

export const refOf = (cache: string, name: string, ref = "main"): string | null => {
  const path = join(cache, directoryName(name), "refs", ref)
  return existsSync(path) ? readFileSync(path, "latin1") : null
}

const digestOf = (content: Buffer, digits: number): string =>
  digits === 64
    ? createHash("sha256").update(content).digest("hex")
    : createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex")

/**
 * What must hold of a repo in the cache after anything: no wrong byte under a final name, no ref to a snapshot that isn't
 * whole, no link to nothing. Answers what is wrong.
 */
export const faultsIn = (cache: string, name: string, files: Files): ReadonlyArray<string> => {
  const repo = join(cache, directoryName(name))
  const blobs = existsSync(join(repo, "blobs")) ? readdirSync(join(repo, "blobs")) : []
  const wrong = blobs
    .filter((blob) => /^[0-9a-f]+$/.test(blob))
    .filter((blob) => digestOf(readFileSync(join(repo, "blobs", blob)), blob.length) !== blob)
    .map((blob) => `wrong bytes in blob ${blob}`)
  const ref = refOf(cache, name)
  const snapshots = existsSync(join(repo, "snapshots")) ? readdirSync(join(repo, "snapshots")) : []
  const dangling = snapshots.flatMap((commit) => {
    const root = join(repo, "snapshots", commit)
    return readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => lstatSync(join(entry.parentPath, entry.name)).isSymbolicLink())
      .filter((entry) => !existsSync(join(entry.parentPath, entry.name)))
      .map((entry) => `link to nothing: ${readlinkSync(join(entry.parentPath, entry.name))}`)
  })
  const there = ref === null ? {} : snapshotOf(cache, name, ref)
  const missing =
    ref === null
      ? []
      : Object.entries(files).flatMap(([path, content]) =>
          there[path]?.equals(Buffer.from(content)) === true ? [] : [`the ref's snapshot lacks ${path}`]
        )
  return [...wrong, ...dangling, ...missing]
}

/** Files of the repo that a finished pull leaves nothing of. */
export const remainsIn = (cache: string, name: string): ReadonlyArray<string> =>
  readdirSync(join(cache, directoryName(name)), { recursive: true, encoding: "utf8" }).filter((path) =>
    path.includes("mlxk")
  )
