/** The layers behind `Remote`: the Hub over HTTP and the user's own directories. */
import { Layer } from "effect"
import * as HubClient from "./hub/Client.js"
import * as HubHttp from "./hub/Hub.js"
import * as TransferHttp from "./hub/transfer/Transfer.js"
import * as PublisherHttp from "./hub/upload/Publisher.js"
import type { RemoteServices } from "./services/Remote.js"
import type { Settings } from "./services/Settings.js"
import * as WorkspacesDisk from "./workspace/Workspaces.js"

export const layer: Layer.Layer<RemoteServices, never, Settings> = Layer.mergeAll(
  HubHttp.layer,
  PublisherHttp.layer,
  TransferHttp.layer
).pipe(Layer.provide(HubClient.layer), Layer.provideMerge(WorkspacesDisk.layer))
