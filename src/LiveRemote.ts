/** The layers behind `Remote`: the Hub over HTTP and the user's own directories. */
import { Effect, Layer } from "effect"
import * as HubClient from "./hub/Client.js"
import * as HubHttp from "./hub/Hub.js"
import * as TransferHttp from "./hub/transfer/Transfer.js"
import * as PublisherHttp from "./hub/upload/Publisher.js"
import { TransferInto } from "./services/Clones.js"
import type { RemoteServices } from "./services/Remote.js"
import { Settings } from "./services/Settings.js"
import * as ClonesDisk from "./workspace/Clones.js"
import * as WorkspacesDisk from "./workspace/Workspaces.js"

/** The same transfer over the same connections, into another cache. */
const transferInto = Layer.effect(
  TransferInto,
  Effect.map(Effect.all([Settings, HubClient.HubClient]), ([settings, client]) => (hubCache: string) => {
    const context = Layer.merge(
      Layer.succeed(Settings, { ...settings, hubCache }),
      Layer.succeed(HubClient.HubClient, client)
    )
    return Layer.provide(TransferHttp.layer, context)
  })
)

export const layer: Layer.Layer<RemoteServices, never, Settings> = Layer.mergeAll(
  ClonesDisk.layer,
  HubHttp.layer,
  PublisherHttp.layer,
  TransferHttp.layer,
  transferInto
).pipe(Layer.provide(HubClient.layer), Layer.provideMerge(WorkspacesDisk.layer))
