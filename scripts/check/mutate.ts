/**
 * npm run check:mutations -- DIR [--only REGEX]
 *
 * Proves that the reference cases below DIR would notice a wrong number: on the reference engine, each number that an
 * architecture hands to an operation (eps, scale, window, soft cap, rope, experts per token, multipliers, limits) is changed
 * on its own, in all layers alike, and the logits of a prompt in two pieces must leave the tolerance of at least one case of
 * that model type. Prints what nobody noticed; exit code 1 when there is something beside the exceptions below.
 */
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { openCheckpoint } from "../../src/engines/CheckpointFiles.js"
import { makeOps } from "../../src/engines/reference/ReferenceOps.js"
import { type Tensor, tensor } from "../../src/engines/reference/Tensor.js"
import { readWeights } from "../../src/engines/reference/Weights.js"
import type { Ops, Visibility } from "../../src/inference/Ops.js"
import type { RopeSpec } from "../../src/inference/Rope.js"
import { Golden, goldenCases, modelType, readJson, readTensors } from "../../test/support/GoldenModels.js"

/** Sees every number by its name and value and returns what is used in its place. */
type Touch = (name: string, value: number) => number

const visibility = (touch: Touch, seen: Visibility): Visibility =>
  seen._tag === "All" ? seen : { ...seen, size: touch(`${seen._tag} size`, seen.size) }

const rope = (touch: Touch, spec: RopeSpec): RopeSpec => {
  const { dims, interleaved, rates } = spec
  const changed = {
    dims: touch("rope dimensions", dims),
    interleaved: touch("rope interleaved", Number(interleaved)) === 1
  }
  switch (rates._tag) {
    case "Base": {
      const base = touch("rope base", rates.base)
      return { ...changed, rates: { ...rates, base, positionScale: touch("rope position scale", rates.positionScale) } }
    }
    case "Dynamic":
      return {
        ...changed,
        rates: { ...rates, base: touch("rope base", rates.base), factor: touch("rope factor", rates.factor) }
      }
    case "Table": {
      const faster = touch("rope rates", 1)
      const magnitude = touch("rope magnitude", rates.magnitude)
      // A narrower rotation needs a shorter table.
      const table = rates.rates.map((rate) => rate * faster).slice(0, changed.dims / 2)
      return { ...changed, rates: { ...rates, rates: table, magnitude } }
    }
  }
}

/** The operations with every number passed by `touch`. */
const touched = (ops: Ops<Tensor>, touch: Touch): Ops<Tensor> => ({
  ...ops,
  binary: (name, a, b) => ops.binary(name, a, typeof b === "number" ? touch(name, b) : b),
  clip: (x, min, max) =>
    ops.clip(x, min === null ? null : touch("clip from", min), max === null ? null : touch("clip to", max)),
  constant: (values, shape) => {
    const factor = touch(`constants [${shape.join()}]`, 1)
    return ops.constant(
      Float32Array.from(values, (value) => value * factor),
      shape
    )
  },
  topIndices: (x, k) => ops.topIndices(x, touch("greatest", k)),
  keepTop: (x, k) => ops.keepTop(x, touch("kept", k)),
  rmsNorm: (x, weight, eps) => ops.rmsNorm(x, weight, touch("eps", eps)),
  layerNorm: (x, weight, bias, eps) => ops.layerNorm(x, weight, bias, touch("eps", eps)),
  rope: (x, spec) => ops.rope(x, rope(touch, spec)),
  cached: (name, chunk, seen) => ops.cached(name, chunk, visibility(touch, seen)),
  visible: (keys, seen) => ops.visible(keys, visibility(touch, seen)),
  attend: (queries, keys, values, spec) =>
    ops.attend(queries, keys, values, {
      ...spec,
      scale: touch("scale", spec.scale),
      softcap: spec.softcap ? touch("soft cap", spec.softcap) : null,
      visibility: visibility(touch, spec.visibility)
    })
})

/** Numbers that mlx-lm's own results don't depend on, or that no result can show. */
const exceptions: ReadonlyArray<readonly [which: RegExp, why: string]> = [
  [/^(llama4|nanochat): rope magnitude 1$/, "queries and keys are normalised after it"],
  [
    /^(deepseek_v32|glm_moe_dsa): (eps 0\.00001|multiply 0\.125)$/,
    "scales all of an indexer's scores, of which only the order counts"
  ],
  [/^bailing_moe: constants \[\d+\] 1$/, "the order of experts that tie; any factor leaves it as it is"],
  [/^(gemma3n|longcat_flash|longcat_flash_ngram): minimum \d+$/, "a bound that indices stay below anyway"],
  [/^longcat_flash_ngram: remainder (?!512)/, "tables have more rows than there are ids, and the first term is an id"],
  [/^longcat_flash_ngram: constants \[1\] 1$/, "products with the high part of ids, which is 0 below 512"],
  [/^minimax_m3_vl: less \d$/, "keeps maxima out of the next block, which only blocks of other sizes than 2^n can see"],
  [
    /^plamo3: Window size /,
    "mlx-lm's masks and caches differ by one key there, so no prompt is longer than the window"
  ],
  [/^rwkv7: maximum 1e-7$/, "keeps a division from 0"]
]

/** Small numbers are epsilons; counts, sizes and what positions are compared with move by one, rope dimensions by a pair. */
const changed = (name: string, value: number): number => {
  switch (name) {
    case "greatest":
    case "kept":
      return value === 1 ? 2 : value - 1
    case "Window size":
    case "Chunk size":
    case "equal":
    case "greater":
      return value + 1
    case "less":
      return value + Math.max(1, value / 4)
    case "rope dimensions":
      return value - 2
    case "rope interleaved":
      return 1 - value
    case "rope base":
      return value * 1.5
    default:
      if (value === 0) return 1
      return Math.abs(value) < 1e-2 ? value + 0.01 : value * 1.25
  }
}

const key = (name: string, value: number) => `${name} ${value}`

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string", default: "" } }
})
const directory = resolve(positionals[0] ?? "test/golden/models")

/** Whether the case's logits leave the tolerance, for each number that its architecture uses. */
const checkCase = (name: string) =>
  Effect.gen(function* () {
    const folder = join(directory, name)
    const { logits_std: deviation, self_consistency: itself, tolerance } = readJson(join(folder, "golden.json"), Golden)
    const golden = readTensors(join(folder, "golden.safetensors"))
    const ids = Array.from(golden.get("prompt_ids") ?? [])
    const expected = golden.get("logits") ?? new Float32Array()
    const source = { name, directory: folder }
    const checkpoint = yield* openCheckpoint(source)
    const weights = yield* readWeights(source, checkpoint)
    // Where the pieces matter to mlx-lm too, one is all that is defined.
    const first = itself.chunked_prefill_7 > tolerance.max_abs_err_over_logits_std ? ids.length : ids.length - 9
    const pieces = [ids.slice(0, first), ids.slice(first)].filter((piece) => piece.length > 0)
    const off = (touch: Touch): number => {
      const memory = { caches: new Map(), states: new Map() }
      let worst = 0
      let at = 0
      for (const piece of pieces) {
        const from = at * checkpoint.decoder.vocabSize
        at += piece.length
        const ops = touched(makeOps(weights, memory, piece.length, at), touch)
        const { data } = checkpoint.decoder.forward(ops, tensor([1, piece.length], piece), "all")
        for (const [i, logit] of data.entries()) worst = Math.max(worst, Math.abs((expected[from + i] ?? 0) - logit))
      }
      // A logit that is no number is off by any measure.
      return Number.isNaN(worst) ? Number.POSITIVE_INFINITY : worst
    }
    const numbers = new Map<string, readonly [name: string, value: number]>()
    off((what, value) => {
      if (Number.isFinite(value) && Math.abs(value) < Number.MAX_VALUE) numbers.set(key(what, value), [what, value])
      return value
    })
    const limit = tolerance.max_abs_err_over_logits_std * deviation
    const noticed = new Map<string, boolean>()
    for (const [which, [what, value]] of numbers) {
      const replacement = changed(what, value)
      const touch: Touch = (at, old) => (at === what && old === value ? replacement : old)
      try {
        noticed.set(which, !(off(touch) <= limit))
      } catch {
        // Operations that no longer fit together are noticed too.
        noticed.set(which, true)
      }
    }
    return noticed
  })

const main = Effect.gen(function* () {
  const all = new Map<string, boolean>()
  for (const name of goldenCases(directory).filter((found) => new RegExp(values.only).test(found))) {
    const type = modelType(join(directory, name))
    const noticed = yield* checkCase(name)
    for (const [which, seen] of noticed) all.set(`${type}: ${which}`, seen || all.get(`${type}: ${which}`) === true)
    console.log(`${name}: ${noticed.size} numbers`)
  }
  const excepted = (which: string) => exceptions.some(([known]) => known.test(which))
  const unnoticed = [...all].flatMap(([which, seen]) => (seen || excepted(which) ? [] : which))
  for (const which of unnoticed) console.log(`not noticed: ${which}`)
  const noticed = [...all.values()].filter((seen) => seen).length
  console.log(`${noticed} noticed, ${all.size - noticed - unnoticed.length} excepted, ${unnoticed.length} not`)
  return unnoticed.length === 0 && all.size > 0 ? 0 : 1
})

process.exitCode = await Effect.runPromise(main)
