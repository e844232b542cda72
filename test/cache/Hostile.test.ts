/** Files that mean harm, or are merely broken: each is one row with a reason, and the good model beside it stays. */
import { execFileSync } from "node:child_process"
import { truncateSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { list } from "../../src/operations/List.js"
import { show } from "../../src/operations/Show.js"
import { COMMIT_A, Hub, LLAMA, layerHub } from "../support/CacheFixture.js"

const MIB = 2 ** 20

/** The row of a model whose snapshot holds `files`, beside a good model which must be listed too. */
const rowOf = (files: Parameters<typeof Hub.Service.snapshot>[2], prepare: (directory: string) => void = () => {}) =>
  Effect.gen(function* () {
    const hub = yield* Hub
    hub.snapshot("z/good", COMMIT_A, LLAMA)
    prepare(hub.snapshot("a/bad", COMMIT_A, files))
    const [bad, good] = (yield* list(null)).models
    assert.deepInclude(good, { name: "z/good", health: "healthy", runtime_compatible: true })
    return bad
  }).pipe(Effect.provide(layerHub))

const withConfig = (config: string | Uint8Array) => rowOf({ ...LLAMA, "config.json": config })

describe("a hostile config.json", () => {
  it.effect.each([
    ["10,000 nested arrays", "[".repeat(10_000) + "]".repeat(10_000)],
    ["a million open objects", '{"a":'.repeat(1_000_000)],
    ["invalid UTF-8", Buffer.from('{"author": "J\xfcrgen"}', "latin1")],
    ["a byte-order mark", '\uFEFF{"model_type": "llama"}'],
    ["a cut text", '{"model_type": "ll'],
    ["nothing", ""],
    ["zeros", new Uint8Array(1000)]
  ] as const)("is a reason: %s", ([, config]) =>
    Effect.map(withConfig(config), (row) => {
      assert.deepInclude(row, { health: "unhealthy", runtime_compatible: false })
      assert.match(row?.reason ?? "", /config\.json.*invalid JSON/)
    })
  )

  it.effect.each([
    ["a list", "[1, 2]"],
    ["a text", '"hello"'],
    ["null", "null"]
  ] as const)("is empty or invalid: %s", ([, config]) =>
    Effect.map(withConfig(config), (row) => assert.strictEqual(row?.reason, "config.json is empty or invalid"))
  )

  it.effect.each([
    ["architectures as a text", { model_type: "llama", architectures: "Llama" }],
    ["no quantization config", { model_type: "llama", quantization: {}, quantization_config: null }],
    ["a vision config without content", { model_type: "llama", vision_config: null }]
  ] as const)("is read as far as possible: %s", ([, config]) =>
    Effect.map(withConfig(JSON.stringify(config)), (row) => assert.strictEqual(row?.health, "healthy"))
  )

  it.effect("can't reach the prototype of objects", () =>
    Effect.gen(function* () {
      const row = yield* withConfig('{"__proto__": {"model_type": "llama", "quantization": {}}, "x": NaN}')
      assert.deepInclude(row, { framework: "PyTorch", health: "healthy" })
      assert.isUndefined(Reflect.get({}, "model_type"))
    })
  )

  it.effect("is refused by its size without being read", () =>
    Effect.map(
      rowOf(LLAMA, (directory) => truncateSync(join(directory, "config.json"), 200 * MIB)),
      (row) => {
        assert.deepInclude(row, { health: "unhealthy", size_bytes: 200 * MIB + "weights".length })
        assert.include(row?.reason, "larger than 16 MiB")
      }
    )
  )

  it.effect("is refused when it is a directory", () =>
    Effect.map(rowOf({ "config.json/x": "x", "model.safetensors": "w" }), (row) =>
      assert.strictEqual(row?.reason, "config.json contains invalid JSON: not a file")
    )
  )

  it.effect("doesn't hang when it is a named pipe", () =>
    Effect.map(
      rowOf({ "model.safetensors": "w" }, (directory) => execFileSync("mkfifo", [join(directory, "config.json")])),
      (row) => assert.strictEqual(row?.reason, "config.json contains invalid JSON: not a file")
    )
  )

  it.effect("is no file when it is a device", () =>
    Effect.map(rowOf({ "config.json": { link: "/dev/zero" }, "model.safetensors": "w" }), (row) =>
      assert.strictEqual(row?.reason, "config.json contains invalid JSON: not a file")
    )
  )
})

describe("hostile files beside the config", () => {
  it.effect("an index that points outside is missing files, never a read", () =>
    Effect.map(
      rowOf({
        ...LLAMA,
        "model.safetensors.index.json": '{"weight_map": {"a": "/etc/passwd", "b": "../../../x"}}'
      }),
      (row) => assert.match(row?.reason ?? "", /^Missing weight shards: \.\.\/\.\.\/\.\.\/x, \/etc\/passwd/)
    )
  )

  it.effect("a huge index is an invalid one", () =>
    Effect.map(
      rowOf({ ...LLAMA, "model.safetensors.index.json": "{}" }, (directory) =>
        truncateSync(join(directory, "model.safetensors.index.json"), 200 * MIB)
      ),
      (row) => assert.strictEqual(row?.reason, "Invalid index file")
    )
  )

  it.effect("a deep tokenizer config is no template, a huge card no hint", () =>
    Effect.map(
      rowOf({ ...LLAMA, "tokenizer_config.json": "[".repeat(100_000), "README.md": "---\n" }, (directory) =>
        truncateSync(join(directory, "README.md"), 200 * MIB)
      ),
      (row) => assert.deepInclude(row, { model_type: "base", health: "healthy" })
    )
  )

  it.effect("a hundred nested folders are walked, names of 255 bytes are read", () =>
    Effect.gen(function* () {
      const deep = `${"d/".repeat(100)}x.bin`
      const long = `${"n".repeat(250)}.json`
      const row = yield* rowOf({ ...LLAMA, [deep]: "1234", [long]: "12" })
      const expected = Object.values(LLAMA).reduce((sum, content) => sum + String(content).length, 6)
      assert.deepInclude(row, { health: "healthy", size_bytes: expected })
    })
  )

  it.effect("a model's name of any kind is found again", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      const names = ["quote/it's", "space org/with space", "a/-b", "noorg", "emoji/🦙", "nl/a\nb", "esc/\u001b[31m"]
      for (const name of names) hub.snapshot(name, COMMIT_A, LLAMA)
      for (const name of names) assert.strictEqual((yield* show(name, "metadata")).model.name, name)
    }).pipe(Effect.provide(layerHub))
  )
})
