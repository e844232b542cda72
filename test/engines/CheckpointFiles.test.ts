import { execFileSync } from "node:child_process"
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { openCheckpoint } from "../../src/engines/CheckpointFiles.js"
import { mlxEngine } from "../../src/engines/mlx/MlxEngine.js"
import { noEngine } from "../support/Native.js"
import { editHeader, type Header } from "../support/SafetensorsFile.js"

const goldens = fileURLToPath(new URL("../golden/models", import.meta.url))
const WEIGHTS = "model.safetensors"
const NORM = "model.norm.weight"

/** A copy of a golden checkpoint that may be damaged; gone when the scope closes. */
const copyOf = (name: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const directory = mkdtempSync(join(tmpdir(), "mlxk-checkpoint-"))
      cpSync(join(goldens, name), directory, { recursive: true })
      return directory
    }),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )

/** How opening fails after `damage`: `tag file: problem`. */
const failure = (name: string, damage: (directory: string) => void) =>
  Effect.gen(function* () {
    const directory = yield* copyOf(name)
    damage(directory)
    const error = yield* Effect.flip(openCheckpoint({ name: "m", directory }))
    return error._tag === "CheckpointInvalid" ? `${error.file}: ${error.problem}` : `incompatible: ${error.reason}`
  })

const editConfig = (change: Record<string, unknown>) => (directory: string) => {
  const path = join(directory, "config.json")
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...change }))
}

const writeConfig = (text: string) => (directory: string) => writeFileSync(join(directory, "config.json"), text)

const editTensors =
  (edit: (header: Header) => Header, file = WEIGHTS) =>
  (directory: string) =>
    editHeader(join(directory, file), edit)

const changed = (name: string, change: Partial<Header[string]>) =>
  editTensors((header) => {
    const entry = header[name]
    return entry === undefined ? header : { ...header, [name]: { ...entry, ...change } }
  })

const renamed = (from: string, to: string, file = WEIGHTS) =>
  editTensors(
    (header) => Object.fromEntries(Object.entries(header).map(([key, value]) => [key === from ? to : key, value])),
    file
  )

const indexed = (map: Record<string, string>) => (directory: string) =>
  writeFileSync(join(directory, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }))

/** A named pipe in place of a file. */
const pipe = (file: string) => (directory: string) => {
  rmSync(join(directory, file), { force: true })
  execFileSync("mkfifo", [join(directory, file)])
}

describe("a damaged checkpoint", () => {
  it.scoped.each<
    readonly [what: string, model: string, damage: (directory: string) => void, expected: string | RegExp]
  >([
    ["config missing", "store-f32", (d) => unlinkSync(join(d, "config.json")), "config.json: missing"],
    ["config not JSON", "store-f32", writeConfig("{"), "config.json: not valid JSON"],
    ["config deep", "store-f32", writeConfig("[".repeat(1e6)), "config.json: nested deeper than 512 levels"],
    ["config a list", "store-f32", writeConfig("[]"), "config.json: not what it must be"],
    [
      "config huge",
      "store-f32",
      (d) => truncateSync(join(d, "config.json"), 2 ** 25),
      "config.json: larger than 16 MiB"
    ],
    ["config a pipe", "store-f32", pipe("config.json"), "config.json: not a file"],
    [
      "config not UTF-8",
      "store-f32",
      (d) => writeFileSync(join(d, "config.json"), '"\xff"', "latin1"),
      "config.json: not valid UTF-8"
    ],
    [
      "config a link to nothing",
      "store-f32",
      (d) => {
        unlinkSync(join(d, "config.json"))
        symlinkSync("none", join(d, "config.json"))
      },
      "config.json: a link to nothing"
    ],
    ["index a pipe", "store-f32", pipe("model.safetensors.index.json"), "model.safetensors.index.json: not a file"],
    ["weights a pipe", "store-f32", pipe(WEIGHTS), `${WEIGHTS}: not a file`],
    [
      "weights a directory",
      "store-f32",
      (d) => {
        unlinkSync(join(d, WEIGHTS))
        mkdirSync(join(d, WEIGHTS))
      },
      `${WEIGHTS}: not a file`
    ],
    [
      "weights a device",
      "store-f32",
      (d) => {
        unlinkSync(join(d, WEIGHTS))
        symlinkSync("/dev/zero", join(d, WEIGHTS))
      },
      `${WEIGHTS}: not a file`
    ],
    ["field missing", "store-f32", editConfig({ vocab_size: null }), /^config.json: vocab_size: /],
    ["type unknown", "store-f32", editConfig({ model_type: "eliza" }), "incompatible: Model type eliza not supported."],
    [
      "rope unknown",
      "store-f32",
      editConfig({ rope_scaling: { type: "spiral" } }),
      "incompatible: rope type spiral is not supported"
    ],
    [
      "method unknown",
      "store-f32",
      editConfig({ quantization_config: { quant_method: "awq" } }),
      "incompatible: quantization method awq is not supported"
    ],
    ["no weights", "store-f32", (d) => unlinkSync(join(d, WEIGHTS)), `${WEIGHTS}: missing`],
    [
      "truncated",
      "store-f32",
      (d) => truncateSync(join(d, WEIGHTS), 9000),
      new RegExp(`^${WEIGHTS}: truncated: \\d+ bytes expected, 9000 there$`)
    ],
    [
      "empty file",
      "store-f32",
      (d) => truncateSync(join(d, WEIGHTS), 0),
      `${WEIGHTS}: truncated: 8 bytes expected, 0 there`
    ],
    ["tensor missing", "store-f32", renamed(NORM, "model.norm.bias"), `${WEIGHTS}: tensor ${NORM} is missing`],
    [
      "tensor too much",
      "store-f32",
      editTensors((h) => ({ ...h, extra: { dtype: "F32", shape: [0], data_offsets: [0, 0] } })),
      `${WEIGHTS}: tensor extra is not part of this architecture`
    ],
    [
      "long name",
      "store-f32",
      editTensors((h) => ({ ...h, ["x".repeat(10_000)]: { dtype: "F32", shape: [0], data_offsets: [0, 0] } })),
      `${WEIGHTS}: tensor ${"x".repeat(80)}… is not part of this architecture`
    ],
    [
      "long name of a bad tensor",
      "store-f32",
      editTensors((h) => ({ ...h, ["x".repeat(10_000)]: { dtype: "F32", shape: [1], data_offsets: [0, 0] } })),
      `${WEIGHTS}: tensor ${"x".repeat(80)}…: its shape needs 4 bytes, its offsets hold 0`
    ],
    [
      "shape of many sizes",
      "store-f32",
      changed(NORM, { shape: [64, ...Array.from({ length: 31 }, () => 1)] }),
      new RegExp(`^${WEIGHTS}: tensor ${NORM}: shape .{80}…, expected .64.$`)
    ],
    [
      "wrong shape",
      "store-f32",
      changed(NORM, { shape: [8, 8] }),
      `${WEIGHTS}: tensor ${NORM}: shape [8, 8], expected [64]`
    ],
    [
      "wrong dtype",
      "store-f32",
      changed(NORM, { dtype: "I32" }),
      `${WEIGHTS}: tensor ${NORM}: dtype I32, expected F32 or F16 or BF16`
    ],
    [
      "config of another size",
      "llama-plain-q4-g64",
      editConfig({ hidden_size: 128, head_dim: 16 }),
      /^model.safetensors: tensor model.embed_tokens.scales: 2 bits in groups of 128 is no|shape/
    ],
    [
      "scales missing",
      "llama-plain-q4-g64",
      renamed("lm_head.scales", "lm_head.other"),
      /^model.safetensors: tensor lm_head.weight: shape/
    ],
    [
      "listed but not stored",
      "store-f32",
      editConfig({ quantization: { group_size: 64, bits: 4, lm_head: { bits: 4 } } }),
      /^model.safetensors: tensor lm_head.weight: shape/
    ],
    [
      "group does not divide",
      "store-f32",
      editConfig({ quantization: { lm_head: { group_size: 48 } } }),
      `${WEIGHTS}: tensor lm_head.weight: 64 columns can't be quantized in groups of 48`
    ],
    [
      "shard missing",
      "llama-bf16-sharded",
      (d) => unlinkSync(join(d, "model-00002-of-00003.safetensors")),
      "model-00002-of-00003.safetensors: missing"
    ],
    [
      "shard truncated",
      "llama-bf16-sharded",
      (d) => truncateSync(join(d, "model-00003-of-00003.safetensors"), 50_000),
      "model-00003-of-00003.safetensors: truncated: 91200 bytes expected, 50000 there"
    ],
    [
      "index outside",
      "store-f32",
      indexed({ [NORM]: "../model.safetensors" }),
      "model.safetensors.index.json: not what it must be"
    ],
    [
      "index of long names",
      "store-f32",
      indexed({ [NORM]: `${"x".repeat(10_000)}.safetensors` }),
      "model.safetensors.index.json: not what it must be"
    ],
    [
      "stored twice",
      "store-f32",
      (d) => cpSync(join(d, WEIGHTS), join(d, "model-2.safetensors")),
      /^model.safetensors: tensor .* is also in model-2.safetensors$/
    ]
  ])("%s", ([, model, damage, expected]) =>
    Effect.map(failure(model, damage), (found) => {
      if (typeof expected === "string") assert.strictEqual(found, expected)
      else assert.match(found, expected)
    })
  )
})

describe("a whole checkpoint", () => {
  it.scoped("may have what mlx-lm drops: the head of a tied model, old rope tables", () =>
    Effect.gen(function* () {
      const directory = yield* copyOf("llama-tied-q4-g64")
      const empty = { dtype: "F32", shape: [0], data_offsets: [0, 0] } as const
      const extra = (names: ReadonlyArray<string>) =>
        editTensors((header) => ({ ...header, ...Object.fromEntries(names.map((name) => [name, empty])) }))
      extra(["lm_head.weight", "model.layers.0.self_attn.rotary_emb.inv_freq"])(directory)
      const { decoder, files } = yield* openCheckpoint({ name: "m", directory })
      assert.deepStrictEqual(files, [WEIGHTS])
      assert.strictEqual(decoder.vocabSize, 320)
      extra(["lm_head.scales"])(directory)
      const error = yield* Effect.flip(openCheckpoint({ name: "m", directory }))
      assert.include(error.message, "tensor lm_head.scales is not part of this architecture")
    })
  )

  it.scoped.skipIf(noEngine)("is refused by the engine with the same errors", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(mlxEngine.load({ name: "m", directory: "/nonexistent" }))
      assert.strictEqual(error._tag, "CheckpointInvalid")
    })
  )
})
