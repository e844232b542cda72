import { assert, describe, it } from "@effect/vitest"
import { normalQuantile } from "../../../../src/inference/architectures/special/Quantile.js"

describe("normalQuantile", () => {
  it.each([
    [0.5, 0],
    [0.841344746, 1],
    [0.9, 1.281551566],
    [0.975, 1.959963985],
    [0.001, -3.090232306],
    [0.999999, 4.753424309],
    [1, Number.POSITIVE_INFINITY]
  ])("of %d is %d", (share, expected) => {
    const found = normalQuantile(share)
    assert.isTrue(found === expected || Math.abs(found - expected) < 1e-5, String(found))
  })
})
