import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { layerHealthMemory, layerMemory, memoryModel } from "../../src/cache/Memory.js"
import type { CachedModel } from "../../src/domain/CachedModel.js"
import { ListData } from "../../src/domain/ModelObject.js"
import { list } from "../../src/operations/List.js"
import { COMMIT_A, COMMIT_B, Hub, LLAMA, layerHub } from "../support/CacheFixture.js"

const memory = (...models: ReadonlyArray<CachedModel>) => Layer.merge(layerMemory(models), layerHealthMemory())

const namesFor = (pattern: string | null) => Effect.map(list(pattern), ({ models }) => models.map(({ name }) => name))

describe("list", () => {
  it.effect("describes a model in eleven fields", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot(
        "acme/x",
        COMMIT_A,
        { ...LLAMA, "tokenizer_config.json": '{"chat_template": "x"}' },
        "2025-06-01T10:20:30Z"
      )
      const data = yield* list(null)
      assert.deepStrictEqual(data, {
        models: [
          {
            name: "acme/x",
            hash: COMMIT_A,
            size_bytes: 108,
            last_modified: "2025-06-01T10:20:30Z",
            framework: "MLX",
            model_type: "chat",
            capabilities: ["text-generation", "chat"],
            health: "healthy",
            runtime_compatible: true,
            reason: null,
            cached: true
          }
        ],
        count: 1
      })
      assert.deepStrictEqual(yield* Schema.encode(ListData)(data), data)
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("filters by a part of the full name in any case; blank means all", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* namesFor("TWO"), ["b/Two"])
      assert.deepStrictEqual(yield* namesFor("a/"), ["a/one"])
      assert.deepStrictEqual(yield* namesFor("one@0123"), [])
      assert.deepStrictEqual(yield* namesFor(" one"), [])
      for (const all of [null, "", "  "]) assert.deepStrictEqual(yield* namesFor(all), ["a/one", "b/Two"])
    }).pipe(Effect.provide(memory(memoryModel("b/Two"), memoryModel("a/one"))))
  )

  it.effect("hides the mark of a test cache", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* namesFor(null), ["a/one"])
      assert.deepStrictEqual(yield* namesFor("sentinel"), [])
    }).pipe(Effect.provide(memory(memoryModel("a/one"), memoryModel("TEST-CACHE-SENTINEL/mlxk-safety-check"))))
  )

  it.effect("is empty on a fresh machine", () =>
    Effect.map(list(null), (data) => assert.deepStrictEqual(data, { models: [], count: 0 })).pipe(
      Effect.provide(layerHub)
    )
  )

  it.effect("takes every field from the same snapshot", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/x", COMMIT_A, LLAMA, "2025-01-01T00:00:00Z")
      hub.snapshot("acme/x", COMMIT_B, { "config.json": "{}" }, "2025-03-01T00:00:00Z")
      const [row] = (yield* list(null)).models
      assert.deepInclude(row, {
        hash: COMMIT_B,
        size_bytes: 2,
        reason: "config.json is empty or invalid"
      })
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("tells PyTorch by the weights of any snapshot, and only of snapshots", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/x", COMMIT_A, { "model.safetensors": "weights" }, "2025-01-01T00:00:00Z")
      hub.snapshot("acme/x", COMMIT_B, { "config.json": "{}" }, "2025-03-01T00:00:00Z")
      hub.file("models--acme--y/model.safetensors", "weights")
      const { models } = yield* list(null)
      assert.deepStrictEqual(
        models.map(({ framework, hash }) => [hash, framework]),
        [
          [COMMIT_B, "PyTorch"],
          [null, "Unknown"]
        ]
      )
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("reads front matter to its end, even when results of benchmarks make it long", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      const results = "- name: some benchmark\n".repeat(10_000)
      hub.snapshot("acme/x", COMMIT_A, { "README.md": `---\nmodel-index:\n${results}library_name: mlx\n---\n` })
      assert.strictEqual((yield* list(null)).models[0]?.framework, "MLX")
    }).pipe(Effect.provide(layerHub))
  )

  it.effect.each([
    [Date.UTC(1969, 11, 31, 23, 59, 59), "1969-12-31T23:59:59Z"],
    [Date.UTC(2025, 0, 1) + 999.9, "2025-01-01T00:00:00Z"],
    [8.64e15 + 1, "1970-01-01T00:00:00Z"],
    [Date.UTC(10_000, 0, 1), "1970-01-01T00:00:00Z"],
    [Number.NaN, "1970-01-01T00:00:00Z"]
  ] as const)("writes the time %d as %s, in UTC", ([lastModified, expected]) =>
    Effect.map(list(null), ({ models }) => assert.strictEqual(models[0]?.last_modified, expected)).pipe(
      Effect.provide(memory(memoryModel("a/x", { lastModified })))
    )
  )
})
