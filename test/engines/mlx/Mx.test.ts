import { assert, describe, it } from "@effect/vitest"
import { isMx } from "../../../src/engines/mlx/Mx.js"

const noop = () => {}

/** As little of a binding as the look asks for. */
const binding = {
  array: noop,
  eval: noop,
  quantizedMatmul: noop,
  blockSparseMM: noop,
  blockSparseQMM: noop,
  fast: { rope: noop },
  metal: { isAvailable: noop }
}

describe("what counts as MLX's core", () => {
  it("has products by index under their older or newer names", () => {
    const { blockSparseMM, blockSparseQMM, ...rest } = binding
    assert.isTrue(isMx(binding))
    assert.isTrue(isMx({ ...rest, gatherMM: blockSparseMM, gatherQMM: blockSparseQMM }))
    assert.isFalse(isMx(rest))
    assert.isFalse(isMx({ ...rest, gatherMM: blockSparseMM }))
  })

  it.each([undefined, null, 7, {}, { ...binding, metal: null }])("is not %j", (value) => {
    assert.isFalse(isMx(value))
  })
})
