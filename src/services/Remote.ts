/**
 * Everything that reaches the Hub, as a layer that a command builds when it needs it: commands that stay on this machine never
 * load it.
 */
import { Context, type Layer } from "effect"
import type { Clones, TransferInto } from "./Clones.js"
import type { Hub } from "./Hub.js"
import type { Publisher } from "./Publisher.js"
import type { Settings } from "./Settings.js"
import type { Transfer } from "./Transfer.js"
import type { Workspaces } from "./Workspaces.js"

export type RemoteServices = Clones | Hub | Publisher | Transfer | TransferInto | Workspaces

export class Remote extends Context.Tag("mlxk/Remote")<Remote, Layer.Layer<RemoteServices, never, Settings>>() {}
