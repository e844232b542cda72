/** That a step leaves nothing behind: every array that it made is given back, but for caches and states. */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Binding, loadBinding } from "../../../src/engines/mlx/Binding.js"
import { engineOn } from "../../../src/engines/mlx/MlxEngine.js"
import type { MlxArray } from "../../../src/engines/mlx/Mx.js"
import { noEngine } from "../../support/Native.js"

/** The binding, with the arrays that were made and not yet given back. */
const watched = (binding: Binding) => {
  const { mx } = binding
  const held = new Set<MlxArray>()
  const noted = <A>(value: A): A => {
    for (const found of [value].flat()) if (found instanceof mx.array) held.add(found)
    return value
  }
  const noting = <A extends object>(target: A): A =>
    new Proxy(target, {
      get: (object, key) => {
        const value: unknown = Reflect.get(object, key)
        if (key === "fast" && typeof value === "object" && value !== null) return noting(value)
        if (typeof value !== "function" || key === "Slice" || key === "load") return value
        if (key !== "array") return (...values: ReadonlyArray<unknown>) => noted(Reflect.apply(value, object, values))
        return new Proxy(value, {
          apply: (make, self, values) => noted(Reflect.apply(make, self, values))
        })
      }
    })
  const methods = ["astype", "index"] as const
  const originals = methods.map((name) => [name, mx.array.prototype[name]] as const)
  for (const [name, original] of originals) {
    Reflect.set(mx.array.prototype, name, function (this: MlxArray, ...values: ReadonlyArray<unknown>) {
      return noted(Reflect.apply(original, this, values))
    })
  }
  const watchedBinding: Binding = {
    ...binding,
    mx: noting(mx),
    gatherMatmul: (...values) => noted(binding.gatherMatmul(...values)),
    gatherQuantizedMatmul: (...values) => noted(binding.gatherQuantizedMatmul(...values)),
    release: (array) => {
      held.delete(array)
      binding.release(array)
    }
  }
  const restore = Effect.sync(() => {
    for (const [name, original] of originals) Reflect.set(mx.array.prototype, name, original)
  })
  return { binding: watchedBinding, held, restore }
}

const models = fileURLToPath(new URL("../../golden/models", import.meta.url))

describe.skipIf(noEngine)("memory", () => {
  it.scoped.each([
    "llama-sliding-q4-g32",
    "qwen3-q4-g64",
    "llama-dynamic-rope-q4-g64",
    "llama-bitlinear-inverted",
    "quant-nvfp4"
  ])("of %s doesn't grow from step to step", (name) =>
    Effect.gen(function* () {
      const { binding, held, restore } = watched(yield* loadBinding)
      yield* Effect.addFinalizer(() => restore)
      const model = yield* engineOn(Effect.succeed(binding), { kvBits: null }).load({
        name,
        directory: join(models, name)
      })
      const atRest = held.size
      assert.isAbove(atRest, 0)
      const sequence = model.start()
      yield* sequence.forward([1, 2, 3, 4, 5], "all")
      const afterPrompt = held.size
      for (let token = 0; token < 80; token++) yield* sequence.forward([token], "last")
      assert.strictEqual(held.size, afterPrompt)
      sequence.close()
      assert.strictEqual(held.size, atRest)
    })
  )
})
