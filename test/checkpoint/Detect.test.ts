import { assert, describe, it } from "@effect/vitest"
import { detect, type Evidence, hasChatTemplate, torchWeights } from "../../src/checkpoint/Detect.js"
import { jsonFile } from "../../src/domain/JsonText.js"

const evidence = (values: Partial<Evidence>): Evidence => ({
  name: "acme/model",
  paths: [],
  config: {},
  card: { tags: [], library: null },
  hasChatTemplate: false,
  hasTorchWeights: () => false,
  ...values
})

describe("framework", () => {
  it.each<[string, Partial<Evidence>, string]>([
    ["the organisation", { name: "mlx-community/x", paths: ["a.gguf"] }, "MLX"],
    ["the card", { card: { tags: ["mlx"], library: null }, paths: ["a.gguf"] }, "MLX"],
    ["a quantization object", { config: { quantization: { bits: 4 } }, paths: ["a.safetensors"] }, "MLX"],
    ["a quantization that is no object", { config: { quantization: 4 }, hasTorchWeights: () => true }, "PyTorch"],
    ["the Hub's quantization key", { config: { quantization_config: {} }, hasTorchWeights: () => true }, "PyTorch"],
    ["GGUF before safetensors", { paths: ["sub/b.gguf"], hasTorchWeights: () => true }, "GGUF"],
    ["nothing", {}, "Unknown"],
    ["no config", { config: null }, "Unknown"]
  ])("goes by %s", (_, values, expected) => {
    assert.strictEqual(detect(evidence(values)).framework, expected)
  })
})

describe("torchWeights", () => {
  it.each([
    [["config.json", "sub/a.safetensors"], true],
    [["sub/pytorch_model.bin"], true],
    [["pytorch_model-00001-of-00002.bin", "a.gguf"], false],
    [["my-pytorch_model.bin"], false]
  ])("in %j: %s", (paths, expected) => {
    assert.strictEqual(torchWeights(paths), expected)
  })
})

describe("model type and capabilities", () => {
  it.each<[Partial<Evidence>, string, ReadonlyArray<string>]>([
    [{ name: "Embedded-org/chat", hasChatTemplate: true }, "embedding", ["embeddings"]],
    [{ config: { model_type: "chat" } }, "chat", ["text-generation", "chat"]],
    [{ config: { model_type: "CHAT" } }, "base", ["text-generation"]],
    [{ hasChatTemplate: true }, "chat", ["text-generation", "chat"]],
    [{ name: "acme/X-INSTRUCT" }, "chat", ["text-generation", "chat"]],
    [{ name: "chatty/x" }, "chat", ["text-generation", "chat"]],
    [{ config: null }, "base", ["text-generation"]]
  ])("of %j is %s", (values, type, capabilities) => {
    const found = detect(evidence(values))
    assert.strictEqual(found.modelType, type)
    assert.deepStrictEqual(found.capabilities, capabilities)
  })
})

describe("hasChatTemplate", () => {
  it.each([
    ['{"chat_template": "{{ x }}"}', true],
    ['{"chat_template": "  \\n"}', false],
    ['{"chat_template": [{"name": "default", "template": "x"}]}', false],
    ['{"chat_template": null}', false],
    ["{}", false],
    ["[]", false],
    ["{not json", false]
  ])("of %s is %s", (text, expected) => {
    assert.strictEqual(hasChatTemplate(jsonFile(new TextEncoder().encode(text))), expected)
  })
})
