/** The one layer graph: which implementation stands behind each tag in the real program. */
import { Context, Effect, Layer, Runtime, Stream } from "effect"
import * as CacheDisk from "./cache/Cache.js"
import * as HealthDisk from "./cache/Health.js"
import * as LeaseDisk from "./cache/Lease.js"
import * as Environment from "./Environment.js"
import { type Knife, makeKnife } from "./Promises.js"
import type { Cache } from "./services/Cache.js"
import type { Health } from "./services/Health.js"
import type { Leases } from "./services/Leases.js"
import { Runner } from "./services/Runner.js"
import type { Settings } from "./services/Settings.js"

/** Cache and Health on the disk. Light: what `list`, `show` and `health` load. */
export const layerManagement: Layer.Layer<Cache | Health, never, Settings> = Layer.merge(
  CacheDisk.layer,
  HealthDisk.layer
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

/** Everything, with settings from the environment. */
export const layer: Layer.Layer<Cache | Health | Runner | Settings> = Layer.merge(layerManagement, layerRunner).pipe(
  Layer.provideMerge(Environment.layer)
)

/** The Promise facade over the real program. */
export const createKnife = (): Knife => makeKnife(layer)
