import { homedir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted } from "effect"
import { layer } from "../src/Environment.js"
import { Settings } from "../src/services/Settings.js"

const settings = (variables: Record<string, string>) =>
  Effect.provide(
    Settings,
    Layer.provide(layer, Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables)))))
  )

describe("the hub cache", () => {
  const cases: ReadonlyArray<readonly [variables: Record<string, string>, directory: string]> = [
    [{}, join(homedir(), ".cache/huggingface/hub")],
    [{ XDG_CACHE_HOME: "/x" }, "/x/huggingface/hub"],
    [{ HF_HOME: "/h", XDG_CACHE_HOME: "/x" }, "/h/hub"],
    [{ HUGGINGFACE_HUB_CACHE: "/old", HF_HOME: "/h" }, "/old"],
    [{ HF_HUB_CACHE: "/new", HUGGINGFACE_HUB_CACHE: "/old", HF_HOME: "/h" }, "/new"],
    [{ HF_HUB_CACHE: "", HF_HOME: "", XDG_CACHE_HOME: "" }, join(homedir(), ".cache/huggingface/hub")]
  ]
  for (const [variables, directory] of cases) {
    it.effect(`is ${directory} for ${JSON.stringify(variables)}`, () =>
      Effect.map(settings(variables), ({ hubCache }) => assert.strictEqual(hubCache, directory))
    )
  }
})

describe("switches", () => {
  it.effect("open for 1, true, yes and on only", () =>
    Effect.gen(function* () {
      for (const value of ["1", "TRUE", "yes", "On"]) {
        assert.isTrue((yield* settings({ MLXK2_ENABLE_PIPES: value })).pipes, value)
      }
      for (const value of ["0", "false", "", "enabled"]) {
        assert.isFalse((yield* settings({ MLXK2_ENABLE_PIPES: value })).pipes, value)
      }
    })
  )
})

describe("the variables of later commands", () => {
  it.effect("are read with the others", () =>
    Effect.gen(function* () {
      const unset = yield* settings({})
      assert.deepStrictEqual(unset.media, {
        visionChunkSize: null,
        exifMetadata: true,
        visionMetadataContext: true,
        audioSegments: false
      })
      assert.deepStrictEqual(unset.embed, { backend: null, model: null, cpu: false })
      const set = yield* settings({
        MLXK2_VISION_CHUNK_SIZE: "3",
        MLXK2_EXIF_METADATA: "0",
        MLXK2_VISION_METADATA_CONTEXT: "0",
        MLXK2_AUDIO_SEGMENTS: "1",
        MLXK2_EMBED_BACKEND: "http://127.0.0.1:8002",
        MLXK2_EMBED_MODEL: "bge",
        MLXK2_EMBED_CPU: "1",
        MLXK2_RELOAD: "1"
      })
      assert.deepStrictEqual(set.media, {
        visionChunkSize: "3",
        exifMetadata: false,
        visionMetadataContext: false,
        audioSegments: true
      })
      assert.deepStrictEqual(set.embed, { backend: "http://127.0.0.1:8002", model: "bge", cpu: true })
      assert.isTrue(set.serve.reload)
    })
  )
})

describe("the token", () => {
  it.effect("is HF_TOKEN, else the old name, and never prints", () =>
    Effect.gen(function* () {
      const both = yield* settings({ HF_TOKEN: "first", HUGGINGFACE_HUB_TOKEN: "second" })
      const old = yield* settings({ HF_TOKEN: "", HUGGINGFACE_HUB_TOKEN: "second" })
      assert.strictEqual(both.hubToken && Redacted.value(both.hubToken), "first")
      assert.strictEqual(old.hubToken && Redacted.value(old.hubToken), "second")
      assert.notInclude(JSON.stringify(both), "first")
    })
  )
})
