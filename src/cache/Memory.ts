/** Cache and Health without a disk: the models and verdicts they are given, for tests and for programs on top. */
import { Effect, Layer } from "effect"
import { byCodePoint, type CachedModel, type ModelLocation } from "../domain/CachedModel.js"
import { AmbiguousModel, ModelNotFound, type ResolveError } from "../domain/Errors.js"
import { HealthReport } from "../domain/HealthReport.js"
import { Cache } from "../services/Cache.js"
import { Health } from "../services/Health.js"
import { resolve } from "./Resolve.js"

/** A healthy chat model that can be run; `values` replaces what a test cares about. */
export const memoryModel = (name: string, values: Partial<CachedModel> = {}): CachedModel => {
  const commit = values.commit ?? "0123456789abcdef0123456789abcdef01234567"
  const config = { model_type: "llama", max_position_embeddings: 2048 }
  return {
    name,
    commit,
    repoDirectory: `/memory/${name}`,
    snapshotDirectory: `/memory/${name}/${commit}`,
    pinned: false,
    sizeBytes: 1300,
    lastModified: Date.UTC(2025, 0, 1),
    files: [
      { path: "config.json", size: 300 },
      { path: "model.safetensors", size: 1000 }
    ],
    snapshot: "Present",
    config: { _tag: "Parsed", value: config },
    weightIndex: { _tag: "Missing" },
    lfsPointers: [],
    framework: "MLX",
    modelType: "chat",
    capabilities: ["text-generation", "chat"],
    contextLength: config.max_position_embeddings,
    metadata: { model_type: config.model_type, context_length: config.max_position_embeddings },
    ...values
  }
}

/** Finds the given models by the same rules as the live Cache; a model's only snapshot is its commit. */
export const layerMemory = (models: ReadonlyArray<CachedModel>): Layer.Layer<Cache> => {
  const sorted = [...models].sort((left, right) => byCodePoint(left.name, right.name))
  const byName = new Map(sorted.map((model) => [model.name, model]))
  const snapshotsOf = (name: string) => [byName.get(name)?.commit ?? []].flat()
  return Layer.succeed(Cache, {
    list: Effect.succeed(sorted),
    resolve: (ref) =>
      Effect.suspend((): Effect.Effect<ModelLocation, ResolveError> => {
        const found = resolve(ref, { names: [...byName.keys()], snapshotsOf })
        if (found._tag === "Ambiguous") return new AmbiguousModel({ query: ref.text, matches: found.matches })
        const model = found._tag === "Found" ? byName.get(found.name) : undefined
        if (found._tag === "NotFound" || model === undefined) return new ModelNotFound({ query: ref.text })
        return Effect.succeed({ ...model, pinned: found.snapshot !== null })
      }),
    describe: (location) => Effect.sync(() => byName.get(location.name) ?? memoryModel(location.name, location))
  })
}

const WHOLE = new HealthReport({
  healthy: true,
  integrityReason: "Model is healthy",
  runtimeCompatible: true,
  runtimeReason: null
})

/** Verdicts by model name; a name without one is healthy and can be run. The rules themselves are in the live layer. */
export const layerHealthMemory = (verdicts: Readonly<Record<string, HealthReport>> = {}): Layer.Layer<Health> => {
  const verdict = ({ name }: { readonly name: string }) =>
    Object.hasOwn(verdicts, name) ? (verdicts[name] ?? WHOLE) : WHOLE
  return Layer.succeed(Health, {
    check: (model) => Effect.sync(() => verdict(model)),
    runtimeProblem: (model) => Effect.sync(() => verdict(model).runtimeReason),
    foresee: (repo) => Effect.sync(() => verdict(repo).runtimeReason)
  })
}
