import { basename } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ModelRef } from "../../src/domain/ModelRef.js"
import { Cache } from "../../src/services/Cache.js"
import { COMMIT_A, COMMIT_B, Hub, LLAMA, layerHub } from "../support/CacheFixture.js"

const names = Effect.gen(function* () {
  const cache = yield* Cache
  return (yield* cache.list).map(({ name }) => name)
})

const located = (text: string) => Effect.flatMap(Cache, (cache) => cache.resolve(ModelRef.parse(text)))

const described = (text: string) =>
  Effect.flatMap(Cache, (cache) => Effect.flatMap(cache.resolve(ModelRef.parse(text)), cache.describe))

/** The name of the selected snapshot. */
const selected = (text: string) =>
  Effect.map(located(text), ({ snapshotDirectory }) =>
    snapshotDirectory === null ? null : basename(snapshotDirectory)
  )

describe("list", () => {
  it.effect("is empty without a hub, and where the hub is a file", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      assert.deepStrictEqual(yield* names, [])
      hub.file("../hub", "a file")
      assert.deepStrictEqual(yield* names, [])
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("takes directories and links to them, in code-point order", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      for (const name of [
        "models--b--x",
        "models--B--y",
        "models--a---b",
        "models--a----b",
        "models--noorg",
        "models--"
      ]) {
        hub.directory(name)
      }
      hub.directory("models--z--\u{1F999}")
      hub.directory("models--z--\uFF21")
      hub.directory("datasets--a--b")
      hub.directory(".locks/models--b--x")
      hub.file("models--file--x", "")
      hub.file("models--link--good", { link: "models--b--x" })
      hub.file("models--link--broken", { link: "nowhere" })
      hub.file("models--link--file", { link: "models--file--x" })
      assert.deepStrictEqual(yield* names, [
        "",
        "B/y",
        "a/-b",
        "a//b",
        "b/x",
        "link/good",
        "noorg",
        "z/\uFF21",
        "z/\u{1F999}"
      ])
    }).pipe(Effect.provide(layerHub))
  )
})

describe("the selected snapshot", () => {
  it.effect("is the newest commit, whatever refs/main says", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/two", COMMIT_A, LLAMA, "2025-01-01T00:00:00Z")
      hub.snapshot("acme/two", COMMIT_B, LLAMA, "2025-03-01T00:00:00Z")
      hub.file("models--acme--two/refs/main", COMMIT_A)
      assert.strictEqual(yield* selected("acme/two"), COMMIT_B)
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("is a commit before a newer directory of another name", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/x", COMMIT_A, LLAMA, "2025-01-01T00:00:00Z")
      hub.snapshot("acme/x", "main", LLAMA, "2025-03-01T00:00:00Z")
      const location = yield* located("acme/x")
      assert.strictEqual(location.commit, COMMIT_A)
      assert.isFalse(location.pinned)
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("is the first by name when times are equal", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/x", COMMIT_B, LLAMA)
      hub.snapshot("acme/x", COMMIT_A, LLAMA)
      assert.strictEqual(yield* selected("acme/x"), COMMIT_A)
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("may have any name when there is no commit, and is no commit then", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/x", "main", LLAMA)
      hub.snapshot("acme/y", "z".repeat(40), LLAMA)
      hub.snapshot("acme/upper", COMMIT_A.toUpperCase(), LLAMA)
      assert.isNull((yield* located("acme/x")).commit)
      assert.strictEqual(yield* selected("acme/x"), "main")
      assert.isNull((yield* located("acme/y")).commit)
      assert.strictEqual((yield* located("acme/upper")).commit, COMMIT_A.toUpperCase())
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("is the one that was asked for by its hash", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/x", COMMIT_A, LLAMA, "2025-01-01T00:00:00Z")
      hub.snapshot("acme/x", COMMIT_B, LLAMA, "2025-03-01T00:00:00Z")
      const location = yield* located("x@aaaa")
      assert.strictEqual(location.commit, COMMIT_A)
      assert.isTrue(location.pinned)
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("is missing where there is none; the state tells why", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.directory("models--acme--none")
      hub.directory("models--acme--empty/snapshots")
      hub.file("models--acme--file/snapshots/README", "x")
      hub.file("models--acme--odd/snapshots", "a file")
      const states = yield* Effect.forEach(["none", "empty", "file", "odd"], (name) => described(`acme/${name}`))
      assert.deepStrictEqual(
        states.map(({ snapshot }) => snapshot),
        ["NoDirectory", "NoSnapshots", "NoSnapshots", "NoDirectory"]
      )
      assert.deepStrictEqual(
        states.map(({ snapshotDirectory, commit }) => snapshotDirectory ?? commit),
        [null, null, null, null]
      )
      assert.strictEqual(states[2]?.sizeBytes, 1)
    }).pipe(Effect.provide(layerHub))
  )
})

describe("describe", () => {
  it.effect("measures files through links and skips broken links, loops and linked directories", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.file("models--acme--x/blobs/abc", "12345")
      hub.snapshot(
        "acme/x",
        COMMIT_A,
        {
          "sub-a.json": "{}",
          "sub/config.json": { link: "../../../blobs/abc" },
          "model.safetensors": { link: "../../blobs/gone" },
          loop: { link: "." },
          self: { link: "self" }
        },
        "2025-06-01T10:20:30.500Z"
      )
      const model = yield* described("acme/x")
      assert.deepStrictEqual(model.files, [
        { path: "model.safetensors", size: null },
        { path: "self", size: null },
        { path: "sub/config.json", size: 5 },
        { path: "sub-a.json", size: 2 }
      ])
      assert.strictEqual(model.sizeBytes, 7)
      assert.strictEqual(model.lastModified, Date.parse("2025-06-01T10:20:30.500Z"))
      assert.strictEqual(model.config._tag, "Missing")
      assert.strictEqual(model.framework, "PyTorch")
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("reads the card, the template, the config and the index", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/x", COMMIT_A, {
        "config.json": '{"model_type": "llama", "text_config": {"n_positions": 99}, "x": NaN}',
        "README.md": Buffer.from("---\nauthor: J\xfcrgen\nlibrary_name: mlx\xff\n---\n", "latin1"),
        "tokenizer_config.json": "{not json",
        "tokenizer.json": '{"chat_template": "{{ x }}"}',
        "a.safetensors": "version https://git-lfs.github.com/spec/v1\noid sha256:00",
        "model.safetensors.index.json": '{"weight_map": {"t": "a.safetensors"}}'
      })
      const model = yield* described("acme/x")
      assert.strictEqual(model.framework, "MLX")
      assert.strictEqual(model.modelType, "chat")
      assert.strictEqual(model.contextLength, 99)
      assert.deepStrictEqual(model.metadata, { model_type: "llama" })
      assert.deepStrictEqual(model.weightIndex, { _tag: "Parsed", value: { weight_map: { t: "a.safetensors" } } })
      assert.deepStrictEqual(model.lfsPointers, ["a.safetensors"])
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("says so when the snapshot went away", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/x", COMMIT_A, LLAMA)
      const location = yield* located("acme/x")
      hub.remove("models--acme--x")
      const cache = yield* Cache
      const model = yield* cache.describe(location)
      assert.strictEqual(model.snapshot, "Vanished")
      assert.strictEqual(model.sizeBytes, 0)
      assert.strictEqual(model.lastModified, 0)
    }).pipe(Effect.provide(layerHub))
  )
})

describe("resolve", () => {
  it.effect("fails with the text that was typed", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/one", COMMIT_A, LLAMA)
      hub.snapshot("acme/two", COMMIT_A, LLAMA)
      const missing = yield* Effect.flip(located("nope@1"))
      assert.strictEqual(missing._tag, "ModelNotFound")
      assert.include(missing.message, "'nope@1'")
      const several = yield* Effect.flip(located("acme"))
      assert.deepInclude(several, { _tag: "AmbiguousModel", query: "acme", matches: ["acme/one", "acme/two"] })
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("fails when the hub itself can't be listed", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.file("../hub", { link: "hub" })
      const error = yield* Effect.flip(names)
      assert.deepInclude(error, { _tag: "CacheIo", path: hub.hub, problem: "ELOOP" })
      assert.include(error.message, "circle")
    }).pipe(Effect.provide(layerHub))
  )
})
