import { assert, describe, it } from "@effect/vitest"
import { memoryModel } from "../../src/cache/Memory.js"
import { healthReport, runtimeProblem } from "../../src/checkpoint/Runtime.js"
import type { CachedModel } from "../../src/domain/CachedModel.js"

const config = (value: unknown): Partial<CachedModel> => ({ config: { _tag: "Parsed", value } })
const weights = (...names: ReadonlyArray<string>): Partial<CachedModel> => ({
  files: names.map((path) => ({ path, size: 1 }))
})

describe("runtimeProblem", () => {
  it.each<[string, Partial<CachedModel>, string | null]>([
    ["nothing", {}, null],
    ["an alias", config({ model_type: "mistral" }), null],
    ["G1", { framework: "GGUF" }, "Incompatible: GGUF"],
    ["G1 before G2", { framework: "PyTorch", ...weights("weights.00.safetensors") }, "Incompatible: PyTorch"],
    ["G2 weights.NN", weights("weights.00.safetensors"), "Legacy format not supported by mlx-lm"],
    ["G2 pytorch_model-N", weights("pytorch_model-00001.safetensors"), "Legacy format not supported by mlx-lm"],
    ["a mix of old and new names", weights("weights.00.safetensors", "model-00001-of-00001.safetensors"), null],
    ["neither", weights("adapter.safetensors"), null],
    ["old names below the root", weights("old/weights.00.safetensors"), null],
    ["G3a", { config: { _tag: "Missing" } }, "config.json missing"],
    ["G3b", { config: { _tag: "Unreadable", problem: "EACCES" } }, "Failed to read config.json: EACCES"],
    ["G3c", config({ hidden_size: 4 }), "config.json missing model_type"],
    ["G3c empty", config({ model_type: "" }), "config.json missing model_type"],
    ["G3c no object", config([]), "config.json missing model_type"],
    ["G3d", config({ model_type: "mamba99" }), "Model type mamba99 not supported."],
    ["G3d inherited name", config({ model_type: "constructor" }), "Model type constructor not supported."],
    ["G3d number", config({ model_type: 7 }), "Model type 7 not supported."],
    ["G3d endless name", config({ model_type: "x".repeat(1e6) }), `Model type ${"x".repeat(80)}… not supported.`],
    [
      "G3d quantization",
      config({ model_type: "llama", quantization_config: { quant_method: "awq" } }),
      "quantization method awq is not supported"
    ],
    [
      "G3d rope",
      config({ model_type: "llama", rope_scaling: { rope_type: "spiral", factor: 2 } }),
      "rope type spiral is not supported"
    ]
  ])("finds %s", (_, values, expected) => {
    assert.strictEqual(runtimeProblem(memoryModel("acme/x", values)), expected)
  })

  it.each(["model_file", "auto_map"])("never runs the code that %s names", (key) => {
    const problem = runtimeProblem(memoryModel("acme/x", config({ model_type: "llama", [key]: "evil.py" })))
    assert.include(problem, key)
    assert.isNull(runtimeProblem(memoryModel("acme/x", config({ model_type: "llama", [key]: null }))))
  })
})

describe("healthReport", () => {
  it("puts integrity before compatibility", () => {
    const damaged = healthReport(memoryModel("acme/x", { framework: "GGUF", files: [] }))
    assert.isFalse(damaged.runtimeCompatible)
    assert.isNull(damaged.runtimeReason)
    assert.strictEqual(damaged.reason, "No model weights found")
    const foreign = healthReport(memoryModel("acme/x", { framework: "GGUF" }))
    assert.isTrue(foreign.healthy)
    assert.isFalse(foreign.runtimeCompatible)
    assert.strictEqual(foreign.reason, "Incompatible: GGUF")
  })

  it("has no reason for a model that can be run", () => {
    const report = healthReport(memoryModel("acme/x"))
    assert.isTrue(report.runtimeCompatible)
    assert.isNull(report.reason)
    assert.strictEqual(report.integrityReason, "Model is healthy")
  })
})
