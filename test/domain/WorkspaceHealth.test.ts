import { assert, describe, it } from "@effect/vitest"
import { ignored } from "../../src/domain/Ignore.js"
import type { JsonFile } from "../../src/domain/JsonFile.js"
import { type WorkspaceFacts, workspaceHealth } from "../../src/domain/WorkspaceHealth.js"

const parsed = (value: unknown): JsonFile => ({ _tag: "Parsed", value })
const missing: JsonFile = { _tag: "Missing" }
const broken: JsonFile = { _tag: "Invalid", problem: "not valid JSON" }

const facts = (sizes: Readonly<Record<string, number>>, more: Partial<WorkspaceFacts> = {}): WorkspaceFacts => ({
  root: "/w",
  files: Object.entries(sizes).map(([path, size]) => ({ path, size, modified: 0 })),
  config: parsed({ model_type: "llama" }),
  index: missing,
  lfsPointers: [],
  ...more
})

const shard = (number: number, of: number) => `model-0000${number}-of-0000${of}.safetensors`
const index = (...names: ReadonlyArray<string>) =>
  parsed({ weight_map: Object.fromEntries(names.map((name, at) => [`t${at}`, name])) })

describe("the check before a push", () => {
  const cases: ReadonlyArray<readonly [what: string, facts: WorkspaceFacts, codes: ReadonlyArray<string>]> = [
    ["a sound directory", facts({ "w.safetensors": 9 }), []],
    ["GGUF and PyTorch weights anywhere", facts({ "a/x.gguf": 9, "b/pytorch_model.bin": 9 }), []],
    ["other .bin files", facts({ "optimizer.bin": 9 }), ["no_weights_found"]],
    ["no config", facts({ "w.gguf": 9 }, { config: missing }), ["config_missing"]],
    ["a config that is a list", facts({ "w.gguf": 9 }, { config: parsed([1]) }), ["config_invalid_json"]],
    ["an empty config", facts({ "w.gguf": 9 }, { config: parsed({}) }), ["config_invalid_json"]],
    ["an empty weight file", facts({ "w.gguf": 0 }), ["empty_weight_file"]],
    ["an index that is no JSON", facts({ "w.safetensors": 9 }, { index: broken }), ["index_parse_error"]],
    ["an index without a map", facts({ "w.safetensors": 9 }, { index: parsed({}) }), []],
    [
      "an index that maps to a number",
      facts({ "w.safetensors": 9 }, { index: parsed({ weight_map: { t: 1 } }) }),
      ["index_parse_error"]
    ],
    ["a pointer that is no weight", facts({ "w.gguf": 9, "a.txt": 130 }, { lfsPointers: ["a.txt"] }), []],
    [
      "a shard that is not there",
      facts({ "a.safetensors": 9 }, { index: index("a.safetensors", "b.safetensors") }),
      ["index_missing_shard"]
    ],
    [
      "a shard that is empty",
      facts({ "a.safetensors": 0 }, { index: index("a.safetensors") }),
      ["empty_weight_file", "index_missing_shard"]
    ],
    [
      "a shard that is a pointer",
      facts({ "a.safetensors": 130 }, { index: index("a.safetensors"), lfsPointers: ["a.safetensors"] }),
      ["lfs_pointer_detected", "index_missing_shard"]
    ],
    [
      "leftovers of a download",
      facts({ "w.gguf": 9, "x.TMP": 1, "partial.txt": 1 }),
      ["partial_marker", "partial_marker"]
    ]
  ]
  for (const [what, given, codes] of cases) {
    it(`of ${what}`, () => {
      const report = workspaceHealth(given)
      assert.deepStrictEqual(
        report.anomalies.map(({ code }) => code),
        codes
      )
      assert.strictEqual(
        report.healthy,
        codes.every((code) => code === "partial_marker")
      )
    })
  }

  it("tells numbered shards that are complete from others", () => {
    const complete = (...names: ReadonlyArray<string>) =>
      workspaceHealth(facts(Object.fromEntries(names.map((name) => [name, 1])))).weights.pattern_complete
    assert.isNull(complete("w.safetensors"))
    assert.isTrue(complete(shard(1, 2), shard(2, 2)))
    assert.isFalse(complete(shard(1, 3), shard(3, 3)))
    assert.isFalse(complete(shard(1, 2), shard(2, 3)))
    assert.isTrue(complete(shard(1, 2), shard(2, 2), shard(3, 3)))
  })
})

describe("what a push leaves out", () => {
  const rules = ignored("\ufeff# a comment\r\nlogs/\r\n *.ckpt \r\n/only-root.txt\r\n!keep.log\r\n")
  const cases: ReadonlyArray<readonly [path: string, out: boolean]> = [
    [".git/config", true],
    ["sub/.git/HEAD", true],
    [".gitattributes", false],
    [".gitignore", true],
    [".DS_Store", true],
    ["venv/bin/python", true],
    ["my.venv/x", false],
    ["a/b.pyc", true],
    ["logs/a/b.txt", true],
    ["deep/logs/b.txt", true],
    ["logs", false],
    ["x/y.ckpt", true],
    ["Y.CKPT", false],
    ["only-root.txt", true],
    ["sub/only-root.txt", false],
    ["keep.log", false],
    [".mlxk_workspace.json", true],
    ["model.safetensors", false]
  ]
  for (const [path, out] of cases) {
    it(`${path}: ${out ? "left out" : "sent"}`, () => assert.strictEqual(rules(path), out))
  }
})
