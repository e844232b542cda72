import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { referenceEngine } from "../../../src/engines/reference/ReferenceEngine.js"
import { checkCase, goldenCases } from "../../support/GoldenModels.js"

const directory = fileURLToPath(new URL("../../golden/models", import.meta.url))

describe("against mlx-lm", () => {
  it.effect.each([...goldenCases(directory)])("%s", (name) =>
    Effect.map(checkCase(referenceEngine, join(directory, name)), (verdict) => {
      assert.strictEqual(verdict._tag, "Passed", JSON.stringify(verdict))
    })
  )
})
