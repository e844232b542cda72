/** The program's own engine process on real weights, and on checkpoints that are damaged or hostile. */
import { cpSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, layer } from "@effect/vitest"
import { Chunk, Effect, type Scope, Stream } from "effect"
import type { RunnerError } from "../../src/domain/Errors.js"
import { type RunnableModel, Runner } from "../../src/services/Runner.js"
import { idText, idTokenizerJson, temporaryDirectory, tokenizerFiles } from "../support/Checkpoint.js"
import { readTensors } from "../support/GoldenModels.js"
import { noEngine } from "../support/Native.js"
import { greedy, runnerOf } from "./support.js"

const golden = (name: string) => fileURLToPath(new URL(`../golden/models/${name}`, import.meta.url))
const SHARDED = "llama-bf16-sharded"

/** A copy of a golden model with a tokenizer. */
const copyOf = (
  name: string,
  tokenizer: Readonly<Record<string, string>>
): Effect.Effect<RunnableModel, never, Scope.Scope> =>
  Effect.map(temporaryDirectory, (directory) => {
    cpSync(golden(name), directory, { recursive: true })
    for (const [file, text] of Object.entries(tokenizer)) writeFileSync(join(directory, file), text)
    return { name: "org/model", directory }
  })

const run = (model: RunnableModel, text: string, maxTokens: number) =>
  Effect.flatMap(Runner, ({ generate }) => Stream.runCollect(generate(model, greedy(text, { maxTokens })))).pipe(
    Effect.map(Chunk.toReadonlyArray)
  )

const textOf = (events: Effect.Effect.Success<ReturnType<typeof run>>) =>
  events.map((event) => (event._tag === "Delta" ? event.text : "")).join("")

const NESTED = 10_000
const HUGE_BYTES = 200_000_000

/** What is done to a sound checkpoint, and what must be said then. */
const damages: ReadonlyArray<{
  readonly name: string
  readonly damage: (directory: string) => void
  readonly tag: RunnerError["_tag"]
  readonly file?: string
}> = [
  {
    name: "a truncated shard",
    damage: (directory) => truncateSync(join(directory, "model-00002-of-00003.safetensors"), 1000),
    tag: "CheckpointInvalid",
    file: "model-00002-of-00003.safetensors"
  },
  {
    name: "a shard that is a link to nothing",
    damage: (directory) => {
      rmSync(join(directory, "model-00003-of-00003.safetensors"))
      symlinkSync("../../blobs/none", join(directory, "model-00003-of-00003.safetensors"))
    },
    tag: "CheckpointInvalid",
    file: "model-00003-of-00003.safetensors"
  },
  {
    name: "no tokenizer",
    damage: (directory) => rmSync(join(directory, "tokenizer.json")),
    tag: "CheckpointInvalid",
    file: "tokenizer.json"
  },
  {
    name: "a tokenizer that is a link to nothing",
    damage: (directory) => {
      rmSync(join(directory, "tokenizer.json"))
      symlinkSync("../../blobs/none", join(directory, "tokenizer.json"))
    },
    tag: "CheckpointInvalid",
    file: "tokenizer.json"
  },
  {
    name: "a tokenizer of five bytes",
    damage: (directory) => writeFileSync(join(directory, "tokenizer.json"), "\0\u0001{]x"),
    tag: "CheckpointInvalid",
    file: "tokenizer.json"
  },
  {
    name: "a tokenizer nested without end",
    damage: (directory) => writeFileSync(join(directory, "tokenizer.json"), "[".repeat(1_000_000)),
    tag: "CheckpointInvalid",
    file: "tokenizer.json"
  },
  {
    name: "a tokenizer that knows no token of the prompt",
    damage: (directory) => {
      const { model, ...rest } = JSON.parse(idTokenizerJson)
      writeFileSync(
        join(directory, "tokenizer.json"),
        JSON.stringify({ ...rest, model: { ...model, unk_token: "none" } })
      )
    },
    tag: "CheckpointInvalid",
    file: "tokenizer.json"
  },
  {
    name: "a tokenizer configuration that isn't JSON",
    damage: (directory) => writeFileSync(join(directory, "tokenizer_config.json"), "{"),
    tag: "CheckpointInvalid",
    file: "tokenizer_config.json"
  },
  {
    name: "an architecture nobody knows",
    damage: (directory) => writeFileSync(join(directory, "config.json"), '{"model_type":"nonesuch"}'),
    tag: "ModelIncompatible"
  },
  {
    name: "a huge config.json",
    damage: (directory) => truncateSync(join(directory, "config.json"), HUGE_BYTES),
    tag: "CheckpointInvalid",
    file: "config.json"
  },
  {
    name: "a config.json nested without end",
    damage: (directory) =>
      writeFileSync(join(directory, "config.json"), `{"a":${"[".repeat(NESTED)}${"]".repeat(NESTED)}}`),
    tag: "CheckpointInvalid",
    file: "config.json"
  },
  {
    name: "no config.json",
    damage: (directory) => rmSync(join(directory, "config.json")),
    tag: "CheckpointInvalid",
    file: "config.json"
  },
  {
    name: "a template beyond the limit",
    damage: (directory) => {
      writeFileSync(join(directory, "chat_template.jinja"), "")
      truncateSync(join(directory, "chat_template.jinja"), HUGE_BYTES)
    },
    tag: "CheckpointInvalid",
    file: "chat_template.jinja"
  }
]

describe.skipIf(noEngine)("the program", () => {
  layer(runnerOf(new URL("../../src/runner/process.ts", import.meta.url)), { excludeTestServices: true })(
    "the real engine",
    (it) => {
      for (const name of ["llama-tied-q4-g64", "mistral-f16"]) {
        it.scoped(`continues ${name} as mlx-lm does, from text to text`, () =>
          Effect.gen(function* () {
            const model = yield* copyOf(name, { "tokenizer.json": idTokenizerJson })
            const tensors = readTensors(join(golden(name), "golden.safetensors"))
            const prompt = Array.from(tensors.get("prompt_ids") ?? [])
            const wanted = Array.from(tensors.get("greedy_ids") ?? [])
            const ends = [JSON.parse(readFileSync(join(golden(name), "config.json"), "utf8")).eos_token_id].flat()
            assert.notInclude(ends, wanted.slice(0, -1))
            const events = yield* run(model, idText(prompt), wanted.length)
            assert.strictEqual(textOf(events), idText(wanted))
            assert.deepInclude(events[0], { _tag: "Started", promptTokens: prompt.length })
          })
        )
      }

      it.scoped("gives the same answer to the same request", () =>
        Effect.gen(function* () {
          const model = yield* copyOf("llama-tied-q4-g64", tokenizerFiles)
          const once = yield* run(model, "The quick brown fox", 40)
          const again = yield* run(model, "The quick brown fox", 40)
          assert.strictEqual(textOf(once), textOf(again))
          assert.notStrictEqual(textOf(once), "")
        })
      )

      for (const { damage, file, name, tag } of damages) {
        it.scoped(`says what is wrong with ${name}, and runs the next model`, () =>
          Effect.gen(function* () {
            const broken = yield* copyOf(SHARDED, tokenizerFiles)
            damage(broken.directory)
            const error = yield* Effect.flip(run(broken, "hi", 4))
            assert.strictEqual(error._tag, tag)
            if (error._tag === "CheckpointInvalid") assert.strictEqual(error.file, file)
            assert.isBelow(error.message.length, 400)
            assert.notMatch(error.message, /\n|\bat .*:\d+|panicked/)
          })
        )
      }

      it.scoped("runs a sound model after all of them", () =>
        Effect.gen(function* () {
          const sound = yield* copyOf(SHARDED, tokenizerFiles)
          assert.notStrictEqual(textOf(yield* run(sound, "hi", 4)), "")
        })
      )
    }
  )
})
