import { assert, describe, it } from "@effect/vitest"
import { FILE_UNITS, MODEL_UNITS, sizeText } from "../../src/domain/Size.js"

describe("sizes", () => {
  it.each([
    [0, "0B"],
    [999, "999B"],
    [1000, "1.0KB"],
    [1250, "1.2KB"],
    [1350, "1.4KB"],
    [1750, "1.8KB"],
    [999_950, "1000.0KB"],
    [1_000_000, "1.0MB"],
    [731_906_048, "731.9MB"],
    [5_369_211_450, "5.4GB"]
  ])("%d bytes are %s", (bytes, text) => {
    assert.strictEqual(sizeText(bytes, FILE_UNITS), text)
    assert.strictEqual(sizeText(bytes, MODEL_UNITS), text)
  })

  it.each([
    [1.5e12, "1500.0GB", "1.5TB"],
    [1e15, "1000000.0GB", "1.0PB"],
    [5e18, "5000000000.0GB", "5000.0PB"]
  ])("%d bytes are %s of a file, %s of a model", (bytes, file, model) => {
    assert.deepStrictEqual([sizeText(bytes, FILE_UNITS), sizeText(bytes, MODEL_UNITS)], [file, model])
  })
})
