/** Numbers for tests of operations, and what it means that two results are the same. */
import { assert } from "@effect/vitest"
import type { Tensor } from "../../src/engines/reference/Tensor.js"
import type { Ops } from "../../src/inference/Ops.js"
import { sizeOf } from "../../src/inference/Shape.js"

/** Numbers that look random, the same in every run: a linear congruential generator's. */
export const numbers = (count: number, seed: number, scale = 2): Float32Array => {
  let state = seed + 1
  return Float32Array.from({ length: count }, () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return (state / 2 ** 32 - 0.5) * scale
  })
}

export const words = (count: number, seed: number): Uint32Array =>
  Uint32Array.from(numbers(count, seed, 2 ** 32), (value) => value + 2 ** 31)

export const input =
  (seed: number, ...shape: ReadonlyArray<number>) =>
  <T>(ops: Ops<T>): T =>
    ops.constant(numbers(sizeOf(shape), seed), shape)

export const close = (actual: Tensor | undefined, expected: Tensor | undefined, what: string, tolerance = 1e-5) => {
  assert.deepStrictEqual(actual?.shape, expected?.shape, what)
  expected?.data.forEach((value, i) => {
    const found = actual?.data[i] ?? Number.NaN
    if (Number.isFinite(value))
      assert.approximately(found, value, tolerance * Math.max(1, Math.abs(value)), `${what} [${i}]`)
    else assert.deepStrictEqual(found, value, `${what} [${i}]`)
  })
}
