/** A hub cache of one test in a temporary directory, with the live Cache and Health over it. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Context, Effect, Layer } from "effect"
import * as LiveCache from "../../src/cache/Cache.js"
import * as LiveHealth from "../../src/cache/Health.js"
import { directoryName } from "../../src/domain/ModelRef.js"
import type { Cache } from "../../src/services/Cache.js"
import type { Health } from "../../src/services/Health.js"
import type { Settings } from "../../src/services/Settings.js"
import { layerSettings } from "../../src/testing.js"

type Content = string | Uint8Array | { readonly link: string }

export const COMMIT_A = "aaaa1111eb9ffadf4db3c3ff4c1bbcf94a64cc59"
export const COMMIT_B = "bbbb33335c5e237ca4c7a77d13e8756cefaf9898"

/** Files of a healthy MLX model without a chat template. */
export const LLAMA: Readonly<Record<string, Content>> = {
  "config.json": JSON.stringify({ model_type: "llama", max_position_embeddings: 2048, quantization: { bits: 4 } }),
  "model.safetensors": "weights"
}

const put = (path: string, content: Content) => {
  mkdirSync(dirname(path), { recursive: true })
  if (typeof content === "object" && "link" in content) symlinkSync(content.link, path)
  else writeFileSync(path, content)
}

const makeHub = (root: string) => {
  const hub = join(root, "hub")
  const path = (...parts: ReadonlyArray<string>) => join(hub, ...parts)
  return {
    hub,
    path,
    /** One file below the hub. */
    file: (name: string, content: Content) => put(path(name), content),
    /** A snapshot directory with its files; returns its path. */
    snapshot: (
      name: string,
      snapshot: string,
      files: Readonly<Record<string, Content>>,
      modified = "2025-02-03T04:05:06Z"
    ) => {
      const directory = path(directoryName(name), "snapshots", snapshot)
      mkdirSync(directory, { recursive: true })
      for (const [file, content] of Object.entries(files)) put(join(directory, file), content)
      utimesSync(directory, new Date(modified), new Date(modified))
      return directory
    },
    directory: (name: string) => mkdirSync(path(name), { recursive: true }),
    remove: (name: string) => rmSync(path(name), { recursive: true })
  }
}

/** Where a test lays its models down. */
export class Hub extends Context.Tag("test/CacheHub")<Hub, ReturnType<typeof makeHub>>() {}

const hub: Layer.Layer<Hub> = Layer.scoped(
  Hub,
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_"))),
    (root) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
  ).pipe(Effect.map(makeHub))
)

const settings: Layer.Layer<Settings, never, Hub> = Layer.unwrapEffect(
  Effect.map(Hub, ({ hub }) => layerSettings({ hubCache: hub, home: dirname(hub) }))
)

export const layerHub: Layer.Layer<Hub | Cache | Health> = Layer.merge(
  Layer.provide(LiveCache.layer, settings),
  LiveHealth.layer
).pipe(Layer.provideMerge(hub))
