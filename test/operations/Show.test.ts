import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { layerHealthMemory, layerMemory, memoryModel } from "../../src/cache/Memory.js"
import { ShowData } from "../../src/domain/ModelObject.js"
import { show } from "../../src/operations/Show.js"
import { COMMIT_A, COMMIT_B, Hub, LLAMA, layerHub } from "../support/CacheFixture.js"

const filesOf = (...files: ReadonlyArray<readonly [path: string, size: number | null]>) => {
  const model = memoryModel("a/x", { files: files.map(([path, size]) => ({ path, size })) })
  return show("a/x", "files").pipe(Effect.provide(Layer.merge(layerMemory([model]), layerHealthMemory())))
}

describe("show", () => {
  it.effect("adds what the mode asks for, and nothing else", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/x", COMMIT_A, LLAMA)
      const metadata = yield* show("x", "metadata")
      assert.deepStrictEqual(metadata.metadata, { model_type: "llama", quantization: "4bit", context_length: 2048 })
      assert.hasAllKeys(metadata, ["model", "metadata"])
      const files = yield* show("x", "files")
      assert.hasAllKeys(files, ["model", "metadata", "files"])
      assert.isNull(files.metadata)
      const config = yield* show("x", "config")
      assert.hasAllKeys(config, ["model", "metadata", "config"])
      assert.deepInclude(config.config, { model_type: "llama" })
      for (const data of [metadata, files, config]) assert.deepStrictEqual(yield* Schema.encode(ShowData)(data), data)
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("names files by their last part, in the order of the paths, without links to nothing", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/x", COMMIT_A, {
        "b.json": "{}",
        "a/z.json": "{}",
        "a-b.json": "{}",
        gone: { link: "nowhere" }
      })
      const { files } = yield* show("acme/x", "files")
      assert.deepStrictEqual(
        files?.map(({ name }) => name),
        ["z.json", "a-b.json", "b.json"]
      )
    }).pipe(Effect.provide(layerHub))
  )

  it.effect.each([
    ["sub/config.json", "config"],
    ["model.safetensors", "weights"],
    ["my-tokenizer.bin", "weights"],
    ["a.gguf", "weights"],
    ["tokenizer_config.json", "tokenizer"],
    ["My_Tokenizer_notes.md", "tokenizer"],
    ["model.safetensors.index.json", "config"],
    ["README.md", "readme"],
    ["readme.md", "other"],
    ["model.safetensors.bak", "other"]
  ] as const)("takes %s for %s", ([path, type]) =>
    Effect.map(filesOf([path, 1]), ({ files }) => assert.strictEqual(files?.[0]?.type, type))
  )

  it.effect("writes sizes of files in the units of files", () =>
    Effect.map(filesOf(["a.bin", 1_500_000_000_000]), ({ files }) => assert.strictEqual(files?.[0]?.size, "1500.0GB"))
  )

  it.effect("answers for broken models, and for the pinned snapshot", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/x", COMMIT_A, { "config.json": "[1]" }, "2025-01-01T00:00:00Z")
      hub.snapshot("acme/x", COMMIT_B, LLAMA, "2025-03-01T00:00:00Z")
      hub.directory("models--acme--empty")
      const pinned = yield* show("acme/x@aaaa", "config")
      assert.deepInclude(pinned.model, { hash: COMMIT_A, health: "unhealthy" })
      assert.isNull(pinned.config)
      assert.deepInclude((yield* show("acme/x", "config")).model, { hash: COMMIT_B, health: "healthy" })
      const empty = yield* show("acme/empty", "metadata")
      assert.deepInclude(empty.model, { hash: null, size_bytes: 0, reason: "No snapshots directory found" })
      assert.isNull(empty.metadata)
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("fails for a blank name even when there is one model only", () =>
    Effect.gen(function* () {
      for (const text of ["", " ", "@"]) {
        assert.strictEqual((yield* Effect.flip(show(text, "metadata")))._tag, "ModelNotFound")
      }
    }).pipe(Effect.provide(Layer.merge(layerMemory([memoryModel("a/only")]), layerHealthMemory())))
  )
})
