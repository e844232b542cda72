/** The one layer graph: which implementation stands behind each tag in the real program. */
import { Context, Effect, Layer, Runtime, Stream } from "effect"
import * as CacheDisk from "./cache/Cache.js"
import * as HealthDisk from "./cache/Health.js"
import * as LeaseDisk from "./cache/Lease.js"
import * as MaintenanceDisk from "./cache/Maintenance.js"
import * as Environment from "./Environment.js"
import { type Knife, makeKnife } from "./Promises.js"
import type { Cache } from "./services/Cache.js"
import type { Health } from "./services/Health.js"
import type { Leases } from "./services/Leases.js"
import type { Maintenance } from "./services/Maintenance.js"
import { Remote, type RemoteServices } from "./services/Remote.js"
import { Runner } from "./services/Runner.js"
import type { Settings } from "./services/Settings.js"

/** The cache on the disk. Light: what `list`, `show` and `health` load. */
export const layerManagement: Layer.Layer<Cache | Health | Maintenance, never, Settings> = Layer.mergeAll(
  CacheDisk.layer,
  HealthDisk.layer,
  MaintenanceDisk.layer
)

/** Engine processes. Their supervision is loaded by the first call, so that listing models never pays for it. */
export const layerRunner: Layer.Layer<Runner> = Layer.scoped(
  Runner,
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const runPromise = Runtime.runPromise(yield* Effect.runtime<Leases>())
    const build = Effect.promise(() => import("./runner/Supervisor.js")).pipe(
      Effect.flatMap(({ layer }) => Layer.buildWithScope(layer, scope)),
      Effect.map(Context.get(Runner))
    )
    // In a fiber of its own: Effect.cached would keep the interruption of the first who asked for it.
    let built: Promise<typeof Runner.Service> | null = null
    const runner = Effect.promise(() => {
      built ??= runPromise(build)
      return built
    })
    return {
      load: (model) => Effect.flatMap(runner, ({ load }) => load(model)),
      generate: (model, options) => Stream.unwrap(Effect.map(runner, ({ generate }) => generate(model, options)))
    }
  })
).pipe(Layer.provide(LeaseDisk.layer))

/** The Hub, and the directories that go to it or come from it. Loaded when it is built. */
export const layerHub: Layer.Layer<RemoteServices, never, Settings> = Layer.unwrapEffect(
  Effect.map(
    Effect.promise(() => import("./LiveRemote.js")),
    ({ layer }) => layer
  )
)

/** The Hub for those who ask for it when they need it. */
export const layerRemote: Layer.Layer<Remote> = Layer.succeed(Remote, layerHub)

/** Everything, with settings from the environment. */
export const layer: Layer.Layer<Cache | Health | Maintenance | Remote | Runner | Settings> = Layer.mergeAll(
  layerManagement,
  layerRemote,
  layerRunner
).pipe(Layer.provideMerge(Environment.layer))

/** The Promise facade over the real program. */
export const createKnife = (): Knife => makeKnife(layer)
