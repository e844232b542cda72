/** Pushing to the fake Hub: a workspace on disk, the real client between them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Effect, Layer, Redacted, Stream } from "effect"
import type { PushData, PushEvent } from "../../src/domain/Push.js"
import { layer as layerRemote } from "../../src/LiveRemote.js"
import { type PushOptions, push } from "../../src/operations/Push.js"
import type { SettingsValues } from "../../src/services/Settings.js"
import type { FakeHub } from "../../src/testing/hub/FakeHub.js"
import { layerSettings } from "../../src/testing.js"

export const TOKEN = "hf_secretsecretsecretsecretsecretsecret"

/** A directory of these files; it goes with the scope. */
export const workspace = (files: Readonly<Record<string, string | Uint8Array>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const root = mkdtempSync(join(tmpdir(), "mlxk2_test_workspace_"))
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(root, path)), { recursive: true })
        writeFileSync(join(root, path), content)
      }
      return root
    }),
    (root) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
  )

/** Settings that lead to a fake Hub. */
export const settingsFor = (hub: Pick<FakeHub, "endpoint">, more: Partial<SettingsValues["hub"]> = {}) => {
  const token = Redacted.make(TOKEN)
  return layerSettings({
    hubToken: token,
    pushToken: token,
    hub: { endpoint: hub.endpoint, offline: false, httpProxy: null, httpsProxy: null, noProxy: null, ...more }
  })
}

export interface Pushed {
  readonly data: PushData
  readonly events: ReadonlyArray<PushEvent>
}

/** Runs a push to its end. */
export const pushTo = (
  hub: Pick<FakeHub, "endpoint">,
  directory: string,
  options: Partial<PushOptions> = {},
  more: Partial<SettingsValues["hub"]> = {}
) =>
  Stream.runCollect(
    push({ directory, repo: "me/model", branch: "main", message: "test", create: false, mode: "upload", ...options })
  ).pipe(
    Effect.map((chunk): Pushed => {
      const events = [...chunk]
      const last = events.at(-1)
      if (last?._tag !== "Finished") throw new Error("no result")
      return { data: last.data, events }
    }),
    Effect.provide(Layer.provideMerge(layerRemote, settingsFor(hub, more)))
  )
