/** The live Cache: the models of the Hugging Face hub cache, which Python's tools share. */
import { Effect, Either, Layer } from "effect"
import { AmbiguousModel, CacheIo, ModelNotFound } from "../domain/Errors.js"
import { Cache } from "../services/Cache.js"
import { Settings } from "../services/Settings.js"
import { describe } from "./Describe.js"
import { eventLoopTurn } from "./Files.js"
import { locate, repoDirectory, repoNames, snapshotNames } from "./Layout.js"
import { resolve } from "./Resolve.js"

const make = Effect.gen(function* () {
  const { hubCache: hub } = yield* Settings

  const names = Effect.suspend(() =>
    Either.mapLeft(repoNames(hub), (problem) => new CacheIo({ path: hub, problem }))
  ).pipe(Effect.withSpan("Cache.scan"))

  return Cache.of({
    list: Effect.map(names, (all) => all.map((name) => locate(hub, name, null))),
    resolve: Effect.fn("Cache.resolve")(function* (ref) {
      const snapshotsOf = (name: string) => Either.getOrElse(snapshotNames(repoDirectory(hub, name)), () => [])
      const found = resolve(ref, { names: yield* names, snapshotsOf })
      switch (found._tag) {
        case "Found":
          return locate(hub, found.name, found.snapshot)
        case "Ambiguous":
          return yield* new AmbiguousModel({ query: ref.text, matches: found.matches })
        case "NotFound":
          return yield* new ModelNotFound({ query: ref.text })
      }
    }),
    describe: (location) => Effect.map(eventLoopTurn, () => describe(location))
  })
})

/** Reads `Settings.hubCache` when built; looks at the disk anew on every call. */
export const layer: Layer.Layer<Cache, never, Settings> = Layer.effect(Cache, make)
