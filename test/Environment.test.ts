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
