import { assert, describe, it } from "@effect/vitest"
import { memoryModel } from "../../src/cache/Memory.js"
import { integrity, isLfsPointer, weightIndexPath } from "../../src/checkpoint/Integrity.js"
import type { CachedModel } from "../../src/domain/CachedModel.js"
import type { JsonFile } from "../../src/domain/JsonFile.js"

const files = (...specs: ReadonlyArray<string | readonly [path: string, size: number | null]>) => [
  { path: "config.json", size: 300 },
  ...specs.map((spec) => (typeof spec === "string" ? { path: spec, size: 100 } : { path: spec[0], size: spec[1] }))
]
const shard = (number: number, total: number) => {
  const digits = (value: number) => String(value).padStart(5, "0")
  return `model-${digits(number)}-of-${digits(total)}.safetensors`
}
const parsed = (value: unknown): JsonFile => ({ _tag: "Parsed", value })
const index = (...names: ReadonlyArray<unknown>) =>
  parsed({ weight_map: Object.fromEntries(names.map((name, at) => [`tensor${at}`, name])) })

/** Rule, what differs from a whole model, and the whole reason. */
type Row = readonly [rule: string, values: Partial<CachedModel>, reason: string]

const unhealthy: ReadonlyArray<Row> = [
  ["P3", { snapshot: "NoDirectory" }, "No snapshots directory found"],
  ["P4", { snapshot: "NoSnapshots" }, "No snapshots found"],
  ["H1", { snapshot: "Vanished" }, "The snapshot does not exist"],
  ["H1 closed", { snapshot: "Unreadable" }, "The model's directory cannot be read"],
  ["H2", { config: { _tag: "Missing" } }, "config.json missing"],
  [
    "H3",
    { config: { _tag: "Invalid", problem: "not valid JSON" } },
    "config.json contains invalid JSON: not valid JSON"
  ],
  [
    "H3 unreadable",
    { config: { _tag: "Unreadable", problem: "EACCES" } },
    "config.json is unreadable or contains invalid JSON: EACCES"
  ],
  ...[{}, [], [1, 2], null, "text", 7].map(
    (value): Row => [`H4 ${JSON.stringify(value)}`, { config: parsed(value) }, "config.json is empty or invalid"]
  ),
  ["H6", { weightIndex: { _tag: "Invalid", problem: "x" } }, "Invalid index file"],
  ["H6 list", { weightIndex: parsed([1]) }, "Invalid index file"],
  ["H7 no map", { weightIndex: parsed({ metadata: {} }) }, "Empty or invalid weight_map in index"],
  ["H7 empty", { weightIndex: parsed({ weight_map: {} }) }, "Empty or invalid weight_map in index"],
  ["H7 list", { weightIndex: parsed({ weight_map: ["a"] }) }, "Empty or invalid weight_map in index"],
  ["H7 not a name", { weightIndex: index("model.safetensors", 7) }, "Empty or invalid weight_map in index"],
  [
    "H8a sorted, each once",
    { weightIndex: index(shard(3, 3), shard(2, 3), shard(2, 3), shard(1, 3)), files: files(shard(1, 3)) },
    `Missing weight shards: ${shard(2, 3)}, ${shard(3, 3)}`
  ],
  [
    "H8a link to nothing",
    { weightIndex: index("a.safetensors"), files: files(["a.safetensors", null]) },
    "Missing weight shards: a.safetensors"
  ],
  [
    "H8a, more than anyone reads",
    { weightIndex: index(...Array.from({ length: 5_000 }, (_, at) => `${100_000 + at}.bin`)), files: files("b.bin") },
    `Missing weight shards: ${Array.from({ length: 20 }, (_, at) => `${100_000 + at}.bin`).join(", ")} and 4980 more`
  ],
  [
    "H8a, longer than any name",
    { weightIndex: index("n".repeat(1_000_000)), files: files("b.bin") },
    `Missing weight shards: ${"n".repeat(255)}…`
  ],
  ["H8a outside", { weightIndex: index("../../secret"), files: files("b.bin") }, "Missing weight shards: ../../secret"],
  [
    "H8b",
    { weightIndex: index(shard(1, 1)), files: files("model.safetensors") },
    `Missing weight shards: ${shard(1, 1)}; Index/shard mismatch: 1 indexed, 1 others present`
  ],
  [
    "H8c",
    { weightIndex: index("a.safetensors"), files: files(["a.safetensors", 0]) },
    "Empty weight shards: a.safetensors"
  ],
  [
    "H8d",
    {
      weightIndex: index("a.safetensors"),
      files: files("a.safetensors"),
      lfsPointers: ["a.safetensors", "tokenizer.json"]
    },
    "LFS pointers instead of files: a.safetensors"
  ],
  ["H11", { files: files(shard(1, 2), shard(1, 3)) }, "Inconsistent shard totals detected"],
  ["H12", { files: files(shard(1, 3), shard(3, 3)) }, "Missing shards by pattern: 2/3 present"],
  ["H12 prefixed", { files: files(`my-${shard(1, 2)}`) }, "Missing shards by pattern: 1/2 present"],
  ["H12 link to nothing", { files: files(shard(1, 2), [shard(2, 2), null]) }, "Missing shards by pattern: 1/2 present"],
  ["H13", { files: files(shard(1, 2), [shard(2, 2), 0]) }, `Empty shards: ${shard(2, 2)}`],
  ["interrupted", { files: files(["model.safetensors", null]) }, "Missing weight files: model.safetensors"],
  ["H14", { files: files("tokenizer.json", "weights.npz") }, "No model weights found"],
  ["H15 .partial", { files: files("a.bin", "a.bin.PARTIAL") }, "Partial download marker detected"],
  ["H15 .tmp", { files: files("a.bin", "x/y/c.TMP") }, "Partial download marker detected"],
  ["H15 substring", { files: files("a.bin", "impartial.md") }, "Partial download marker detected"],
  ["H15 before H16", { files: files(["a.bin", 0], "x.tmp") }, "Partial download marker detected"],
  ["H16", { files: files(["model.safetensors", 0]) }, "Empty weight files: model.safetensors"],
  ["H17", { files: files(shard(1, 2), shard(2, 2)) }, "Safetensors index missing for sharded model"],
  [
    "H18",
    { files: files("model.safetensors", "onnx/model.onnx"), lfsPointers: ["onnx/model.onnx"] },
    "LFS pointers instead of files: onnx/model.onnx"
  ]
]

const healthy: ReadonlyArray<Row> = [
  ["one file", {}, "Model is healthy"],
  ["weights below the root", { files: files("sub/model.safetensors") }, "Model is healthy"],
  ["GGUF", { files: files("a.gguf") }, "Model is healthy"],
  ["a lone PyTorch shard", { files: files("pytorch_model-00001-of-00002.bin") }, "Model is healthy"],
  ["an index", { weightIndex: index("w/a.safetensors"), files: files("w/a.safetensors") }, "Multi-file model complete"],
  [
    "an index beside partial markers and foreign pointers",
    {
      weightIndex: index("a.safetensors"),
      files: files("a.safetensors", "x.partial", "tokenizer.json"),
      lfsPointers: ["tokenizer.json"]
    },
    "Multi-file model complete"
  ],
  ["a partial marker that links to nothing", { files: files("a.bin", ["x.partial", null]) }, "Model is healthy"],
  ["NaN in the config", { config: parsed({ x: Number.NaN }) }, "Model is healthy"]
]

describe("integrity", () => {
  it.each(unhealthy)("%s fails", (_, values, reason) => {
    assert.deepStrictEqual(integrity(memoryModel("acme/x", values)), { healthy: false, reason })
  })

  it.each(healthy)("%s is whole", (_, values, reason) => {
    assert.deepStrictEqual(integrity(memoryModel("acme/x", values)), { healthy: true, reason })
  })
})

describe("weightIndexPath", () => {
  const safetensors = "model.safetensors.index.json"
  const torch = "pytorch_model.bin.index.json"
  it.each([
    ["no index", files("a.safetensors"), null],
    ["an index without shards", files(safetensors), null],
    ["an index that links to nothing", files([safetensors, null], "a.safetensors"), null],
    ["shards below the root", files(safetensors, "w/a.safetensors"), safetensors],
    ["shards that link to nothing", files(safetensors, ["a.safetensors", null]), safetensors],
    ["both", files(torch, safetensors, "a.bin", "a.safetensors"), safetensors],
    ["the PyTorch one", files(torch, safetensors, "a.bin"), torch],
    ["an index in a folder", files(`sub/${safetensors}`, "a.safetensors"), null]
  ])("with %s", (_, present, expected) => {
    assert.strictEqual(weightIndexPath(present), expected)
  })
})

describe("isLfsPointer", () => {
  const bytes = (text: string) => new TextEncoder().encode(text)
  it("knows the signature within the first 100 bytes", () => {
    const signature = "version https://git-lfs.github.com/spec/v1"
    assert.isTrue(isLfsPointer(bytes(`${signature}\noid sha256:00`)))
    assert.isTrue(isLfsPointer(bytes(`${"\n".repeat(100 - signature.length)}${signature}`)))
    assert.isFalse(isLfsPointer(bytes(`${"\n".repeat(101 - signature.length)}${signature}`)))
    assert.isFalse(isLfsPointer(bytes("{}")))
  })
})
