/**
 * Checks an engine against reference checkpoints: folders with a tiny model and what mlx-lm computed from it in float32
 * (`golden.json`, `golden.safetensors`). Used by the test suite and by `npm run check:models`.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either, Schema } from "effect"
import type { CheckpointInvalid, EngineUnavailable, ModelIncompatible } from "../../src/domain/Errors.js"
import { MAX_JSON_DEPTH, parseJson } from "../../src/domain/Json.js"
import { Section } from "../../src/inference/Config.js"
import type { Engine, LoadedModel } from "../../src/inference/Engine.js"
import { architectureProblem } from "../../src/inference/registry.js"
import { headerLength, LENGTH_BYTES, parseHeader } from "../../src/inference/Safetensors.js"
import { argmax } from "../../src/inference/Sampler.js"

/** Each problem is one line. A skipped case is of an architecture that the registry doesn't have. */
export type Verdict =
  | { readonly _tag: "Passed"; readonly worst: number }
  | { readonly _tag: "Failed"; readonly problems: ReadonlyArray<string> }
  | { readonly _tag: "Skipped"; readonly reason: string }

type LoadError = CheckpointInvalid | EngineUnavailable | ModelIncompatible

const CHUNK = 7

/** What golden.json says of a case, beside what its maker noted. */
export const Golden = Schema.Struct({
  logits_std: Schema.Number,
  tolerance: Schema.Struct({ max_abs_err_over_logits_std: Schema.Number }),
  /** How far mlx-lm is from itself when the prompt is split: far for dynamic rope, where only one prefill is defined. */
  self_consistency: Schema.Struct({ chunked_prefill_7: Schema.Number, token_by_token: Schema.Number })
})
type Golden = typeof Golden.Type

/** Folders below `directory` that hold a case, sorted. */
export const goldenCases = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && readdirSync(join(directory, entry.name)).includes("golden.json"))
    .map((entry) => entry.name)
    .sort()

export const readJson = <A, I>(path: string, schema: Schema.Schema<A, I>): A =>
  Schema.decodeUnknownSync(schema)(
    Either.getOrThrow(parseJson(readFileSync(path, "utf8"), { maxDepth: MAX_JSON_DEPTH }))
  )

/** What a case's config calls its architecture. */
export const modelType = (directory: string): string =>
  readJson(join(directory, "config.json"), Schema.Struct({ model_type: Schema.String })).model_type

/** The F32 and I32 tensors of a safetensors file as numbers. */
export const readTensors = (path: string): ReadonlyMap<string, Float32Array | Int32Array> => {
  const bytes = readFileSync(path)
  const length = Either.getOrThrow(headerLength(bytes, bytes.length))
  const json = bytes.toString("utf8", LENGTH_BYTES, LENGTH_BYTES + length)
  const tensors = new Map<string, Float32Array | Int32Array>()
  for (const [name, { begin, dtype, end }] of Either.getOrThrow(parseHeader(json, length, bytes.length))) {
    const data = new Uint8Array(bytes.subarray(begin, end)).buffer
    if (dtype === "F32") tensors.set(name, new Float32Array(data))
    if (dtype === "I32") tensors.set(name, new Int32Array(data))
  }
  return tensors
}

/** Logits of a prompt that is given in pieces of `size` tokens. */
const prefill = (model: LoadedModel, ids: ReadonlyArray<number>, size: number) =>
  Effect.gen(function* () {
    const sequence = model.start()
    const logits = new Float32Array(ids.length * model.vocabSize)
    for (let from = 0; from < ids.length; from += size) {
      logits.set(yield* sequence.forward(ids.slice(from, from + size), "all"), from * model.vocabSize)
    }
    sequence.close()
    return logits
  })

const greedy = (model: LoadedModel, ids: ReadonlyArray<number>, count: number) =>
  Effect.gen(function* () {
    const sequence = model.start()
    const chosen = [argmax(yield* sequence.forward(ids, "last"))]
    while (chosen.length < count) chosen.push(argmax(yield* sequence.forward(chosen.slice(-1), "last")))
    sequence.close()
    return chosen
  })

/** The greatest difference; infinite when the lengths differ or a value isn't finite. */
const difference = (actual: ArrayLike<number>, expected: ArrayLike<number>): number => {
  if (actual.length !== expected.length) return Infinity
  let worst = 0
  for (let i = 0; i < expected.length; i++) {
    const distance = Math.abs((actual[i] ?? Number.NaN) - (expected[i] ?? Number.NaN))
    if (!(distance <= worst)) worst = Number.isNaN(distance) ? Infinity : distance
  }
  return worst
}

/** Compares one prompt's tensors, whose names start with `prefix`. Differences are in units of the logits' deviation. */
const compare = (model: LoadedModel, golden: Golden, tensors: ReturnType<typeof readTensors>, prefix: string) =>
  Effect.gen(function* () {
    const tensor = (name: string) => tensors.get(prefix + name) ?? new Float32Array(0)
    const ids = Array.from(tensor("prompt_ids"))
    const expected = tensor("logits")
    const tolerance = golden.tolerance.max_abs_err_over_logits_std
    const splits = [
      { name: "one prefill", size: ids.length, defined: true },
      { name: `chunks of ${CHUNK}`, size: CHUNK, defined: golden.self_consistency.chunked_prefill_7 <= tolerance },
      { name: "token by token", size: 1, defined: golden.self_consistency.token_by_token <= tolerance }
    ]
    const results = yield* Effect.forEach(
      splits.filter(({ defined }) => defined),
      ({ name, size }) =>
        Effect.map(prefill(model, ids, size), (logits) => ({
          name,
          error: difference(logits, expected) / golden.logits_std
        }))
    )
    const wanted = Array.from(tensor("greedy_ids"))
    const chosen = yield* greedy(model, ids, wanted.length)
    const problems = results
      .filter(({ error }) => !(error <= tolerance))
      .map(({ error, name }) => `${prefix}logits, ${name}: ${error.toExponential(2)} deviations off`)
    if (ids.length === 0 || wanted.length === 0) problems.push(`${prefix}tensors are missing`)
    if (chosen.join() !== wanted.join()) problems.push(`${prefix}greedy ids: ${chosen} instead of ${wanted}`)
    return { problems, worst: Math.max(...results.map(({ error }) => error)) }
  })

/** Runs one case. Fails only when the engine refuses to load it. */
export const checkCase = (engine: Engine, directory: string): Effect.Effect<Verdict, LoadError> => {
  const unsupported = architectureProblem(readJson(join(directory, "config.json"), Section))
  if (unsupported !== null) return Effect.succeed({ _tag: "Skipped", reason: unsupported })
  const golden = readJson(join(directory, "golden.json"), Golden)
  const tensors = readTensors(join(directory, "golden.safetensors"))
  const prefixes = tensors.has("cross_prompt_ids") ? ["", "cross_"] : [""]
  return Effect.gen(function* () {
    const model = yield* engine.load({ name: directory, directory })
    const results = yield* Effect.forEach(prefixes, (prefix) => compare(model, golden, tensors, prefix))
    const problems = results.flatMap((result) => result.problems)
    const verdict: Verdict =
      problems.length > 0
        ? { _tag: "Failed", problems }
        : { _tag: "Passed", worst: Math.max(...results.map(({ worst }) => worst)) }
    return verdict
  }).pipe(Effect.scoped)
}
