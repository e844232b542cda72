/** What the engine makes of a binding that fails: damage only where a file is read, a defect everywhere else. */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { loadBinding } from "../../../src/engines/mlx/Binding.js"
import { engineOn } from "../../../src/engines/mlx/MlxEngine.js"
import { noEngine } from "../../support/Native.js"

const directory = fileURLToPath(new URL("../../golden/models/llama-bf16-sharded", import.meta.url))

/** How loading ends on a binding whose `name` throws from its `count`th call on. */
const loadingFails = (name: "load" | "eval", count = 1) =>
  Effect.gen(function* () {
    const binding = yield* loadBinding
    let calls = 0
    const mx = new Proxy(binding.mx, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key)
        if (key !== name || typeof value !== "function") return value
        return (...values: ReadonlyArray<unknown>) => {
          calls++
          if (calls >= count) throw new TypeError("inner words of the binding")
          return Reflect.apply(value, target, values)
        }
      }
    })
    const engine = engineOn(Effect.succeed({ ...binding, mx }))
    return yield* Effect.exit(engine.load({ name: "m", directory: join(directory) }))
  })

describe.skipIf(noEngine)("loading", () => {
  it.scoped("blames the file that MLX can't read", () =>
    Effect.map(loadingFails("load", 2), (exit) => {
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : null
      assert.deepInclude(error, {
        _tag: "CheckpointInvalid",
        file: "model-00002-of-00003.safetensors",
        problem: "MLX cannot read its tensors"
      })
    })
  )

  it.scoped("dies of anything else", () =>
    Effect.map(loadingFails("eval"), (exit) => {
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
    })
  )
})
