import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
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

  it.effect("is taken without line breaks and outer spaces, and blank for none", () =>
    Effect.gen(function* () {
      const { hubToken, pushToken } = yield* settings({ HF_TOKEN: " hf_\r\nabc\n", HUGGINGFACE_HUB_TOKEN: "second" })
      const blank = yield* settings({ HF_TOKEN: " \n", HUGGINGFACE_HUB_TOKEN: "second" })
      assert.strictEqual(hubToken && Redacted.value(hubToken), "hf_abc")
      assert.strictEqual(pushToken && Redacted.value(pushToken), "hf_abc")
      assert.strictEqual(blank.hubToken && Redacted.value(blank.hubToken), "second")
      assert.isNull(blank.pushToken)
    })
  )
})

describe("the token of a login", () => {
  it.scoped("is read from the file the variables name, and beside the cache otherwise", () =>
    Effect.gen(function* () {
      const home = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_token_"))),
        (made) => Effect.sync(() => rmSync(made, { recursive: true }))
      )
      writeFileSync(join(home, "token"), "stored\n")
      writeFileSync(join(home, "other"), "elsewhere")
      writeFileSync(join(home, "blank"), " \n")
      const tokens = (variables: Record<string, string>) =>
        Effect.map(settings({ HF_HOME: home, ...variables }), ({ hubToken, pushToken }) =>
          [hubToken, pushToken].map((token) => token && Redacted.value(token))
        )
      assert.deepStrictEqual(yield* tokens({}), ["stored", "stored"])
      assert.deepStrictEqual(yield* tokens({ HF_TOKEN_PATH: join(home, "other") }), ["elsewhere", "elsewhere"])
      assert.deepStrictEqual(yield* tokens({ HF_TOKEN_PATH: join(home, "blank") }), [null, null])
      assert.deepStrictEqual(yield* tokens({ HF_TOKEN_PATH: join(home, "missing") }), [null, null])
      assert.deepStrictEqual(yield* tokens({ HF_TOKEN: "given" }), ["given", "given"])
      // Reading has an old name that pushing never had.
      assert.deepStrictEqual(yield* tokens({ HUGGINGFACE_HUB_TOKEN: "old" }), ["old", "stored"])
    })
  )
})

describe("the way to the Hub", () => {
  it.effect("is direct unless the variables say otherwise, in capitals or small letters", () =>
    Effect.gen(function* () {
      const plain = yield* settings({})
      assert.deepStrictEqual(plain.hub, {
        endpoint: "https://huggingface.co",
        offline: false,
        httpProxy: null,
        httpsProxy: null,
        noProxy: null
      })
      const other = yield* settings({
        HF_ENDPOINT: "https://mirror.example/hf/",
        HF_HUB_OFFLINE: "1",
        https_proxy: "http://small:1",
        HTTP_PROXY: "http://capitals:1",
        http_proxy: "http://small:2",
        NO_PROXY: "localhost"
      })
      assert.deepStrictEqual(other.hub, {
        endpoint: "https://mirror.example/hf",
        offline: true,
        httpProxy: "http://capitals:1",
        httpsProxy: "http://small:1",
        noProxy: "localhost"
      })
    })
  )
})
