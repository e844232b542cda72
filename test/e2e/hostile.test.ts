/** What a damaged or hostile checkpoint does to the built command: one clear typed error, the table's exit code, no stack. */

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
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { noEngine } from "../support/Native.js"
import { run } from "../support/Program.js"

const MLXK = fileURLToPath(new URL("../../dist/mlxk.cjs", import.meta.url))
const CHECKPOINT = fileURLToPath(new URL("../../scripts/demo/checkpoint", import.meta.url))
const COMMIT = "0123456789abcdef0123456789abcdef01234567"
let home: string

/** A copy of the demo checkpoint under another name, damaged. */
const damaged = (name: string, damage: (directory: string) => void) => {
  const directory = join(home, "hub", `models--mlx-community--${name}`, "snapshots", COMMIT)
  mkdirSync(directory, { recursive: true })
  cpSync(CHECKPOINT, directory, { recursive: true })
  damage(directory)
  return `mlx-community/${name}`
}

const patchConfig = (directory: string, change: object) => {
  const file = join(directory, "config.json")
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), ...change }))
}

const mlxk = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}, stdin = "") =>
  run(process.execPath, [MLXK, ...args], { env: { HF_HOME: home, ...env }, stdin })

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "mlxk-hostile-"))
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

interface Case {
  readonly what: string
  readonly damage: (directory: string) => void
  /** What the message must name. */
  readonly names: RegExp
}

const nested = (depth: number) => `{"model_type":"llama","x":${"[".repeat(depth)}${"]".repeat(depth)}}`

const cases: ReadonlyArray<Case> = [
  {
    what: "a truncated shard",
    damage: (directory) => truncateSync(join(directory, "model.safetensors"), 50_000),
    names: /model\.safetensors.*truncated/
  },
  {
    what: "a shard of five bytes",
    damage: (directory) => writeFileSync(join(directory, "model.safetensors"), "abcde"),
    names: /model\.safetensors/
  },
  {
    what: "a missing tokenizer",
    damage: (directory) => unlinkSync(join(directory, "tokenizer.json")),
    names: /tokenizer\.json/
  },
  {
    what: "a tokenizer of five bytes of garbage",
    damage: (directory) =>
      writeFileSync(join(directory, "tokenizer.json"), Buffer.from([0xff, 0x00, 0x9c, 0x80, 0x7b])),
    names: /tokenizer\.json/
  },
  {
    what: "an unknown architecture",
    damage: (directory) => patchConfig(directory, { model_type: "frobnicator" }),
    names: /frobnicator.*not supported/
  },
  {
    what: "code of its own",
    damage: (directory) => patchConfig(directory, { auto_map: { AutoModelForCausalLM: "modeling.Model" } }),
    names: /auto_map/
  },
  {
    what: "a config of 200 MB",
    damage: (directory) => truncateSync(join(directory, "config.json"), 200_000_000),
    names: /config\.json/
  },
  {
    what: "a config nested 10,000 deep",
    damage: (directory) => writeFileSync(join(directory, "config.json"), nested(10_000)),
    names: /config\.json/
  },
  {
    what: "a dangling link in place of its weights",
    damage: (directory) => {
      unlinkSync(join(directory, "model.safetensors"))
      symlinkSync("../../blobs/gone", join(directory, "model.safetensors"))
    },
    names: /model\.safetensors|weight/
  },
  {
    what: "a hidden size that its weights don't have",
    damage: (directory) => patchConfig(directory, { hidden_size: 4096 }),
    names: /model\.safetensors|shape/
  },
  {
    what: "a layer count that would fill the memory",
    damage: (directory) => patchConfig(directory, { num_hidden_layers: 1e9 }),
    names: /config\.json|num_hidden_layers/
  }
]

describe.skipIf(noEngine)("run refuses a checkpoint with", () => {
  for (const [index, { damage, names, what }] of cases.entries()) {
    it(what, async () => {
      const model = damaged(`case-${index}`, damage)
      const { code, stderr, stdout } = await mlxk(["run", model, "hello", "--json"])
      const { data, error, status } = JSON.parse(stdout)
      assert.deepInclude(
        { code, data, status, type: error.type },
        { code: 1, data: null, status: "error", type: "execution_error" }
      )
      assert.match(error.message, names)
      assert.notMatch(stdout + stderr, /\n\s+at |node:internal|\.ts:\d|\.js:\d/, "no stack")
      assert.strictEqual((await mlxk(["list", "--all"])).code, 0, "the others are still listed")
    })
  }
})

describe("run refuses a prompt", () => {
  it("of five bytes that are not UTF-8", async () => {
    damaged("whole", () => {})
    const ended = await run(
      "/bin/sh",
      ["-c", `printf '\\377\\376\\200\\201\\300' | ${process.execPath} ${MLXK} run whole - --json`],
      {
        env: { HF_HOME: home, MLXK2_ENABLE_PIPES: "1" }
      }
    )
    const { error } = JSON.parse(ended.stdout)
    assert.notStrictEqual(ended.code, 0)
    assert.match(error.message, /UTF-8/)
    const typed = await run(
      "/bin/sh",
      ["-c", `${process.execPath} ${MLXK} run whole "$(printf '\\377\\376\\200\\201\\300')"`],
      {
        env: { HF_HOME: home }
      }
    )
    assert.match(typed.stderr, /UTF-8/)
  })

  it.skipIf(noEngine)("that fills the context, with both numbers", async () => {
    damaged("short", (directory) => patchConfig(directory, { max_position_embeddings: 16 }))
    const { code, stdout } = await mlxk(["run", "short", "word ".repeat(50), "--json"])
    const { error } = JSON.parse(stdout)
    assert.strictEqual(code, 1)
    assert.match(error.message, /maximum context length is 16 tokens.* \d+ token/)
  })
})
