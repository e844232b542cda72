/** `run <model> [prompt …]` (spec 01 §1.7, §12). */
import { Effect } from "effect"
import { CommandRefused, InvalidRequest } from "../../domain/Errors.js"
import { defaultSampling, type GenerateInput, type GenerateOptions } from "../../domain/Generation.js"
import { Settings } from "../../services/Settings.js"
import { command, type Values } from "../CommandFile.js"
import { Output } from "../Output.js"
import { float, integer, json, required, rest, text, toggle, value } from "../Parameter.js"
import { NOT_TEXT, Stdio } from "../Stdio.js"

const parameters = {
  model: required("model", "Model name to run, or name@hash"),
  words: rest("prompt", "Input prompt; - reads stdin (optional - triggers interactive mode if omitted)"),
  prompt: value("prompt", text, "Input prompt, instead of the words after the model"),
  maxTokens: value("max-tokens", integer({ min: 1 }), "Maximum tokens to generate"),
  temperature: value("temperature", float({ min: 0, max: 2 }), "Sampling temperature (default: 0.7)"),
  topP: value("top-p", float({ above: 0, max: 1 }), "Top-p sampling parameter (default: 0.9)"),
  repetitionPenalty: value("repetition-penalty", float({ above: 0 }), "Repetition penalty (default: 1.1)"),
  seed: value("seed", integer({ min: 0 }), "Seed: the same seed gives the same answer"),
  noStream: toggle("no-stream", "Disable streaming output"),
  noChatTemplate: toggle("no-chat-template", "Disable chat template"),
  noReasoning: toggle("no-reasoning", "Hide the reasoning, show only the answer"),
  verbose: toggle("verbose", "Show detailed output"),
  json,
  system: value("system", text, "Accepted for old scripts, has no effect"),
  hideReasoning: toggle("hide-reasoning", "Accepted for old scripts, has no effect")
}
type RunValues = Values<typeof parameters>

/** The prompt, null when there is none (spec 01 §12.3). An empty one is a prompt. */
const promptOf = ({ prompt, words }: RunValues) =>
  Effect.gen(function* () {
    const stdio = yield* Stdio
    const { pipes } = yield* Settings
    const typed = prompt ?? words.filter((word) => word !== "-").join(" ")
    // Node has put this character in the place of bytes that are no text.
    if (typed.includes("\uFFFD")) return yield* new InvalidRequest({ param: "prompt", problem: NOT_TEXT })
    if (!words.includes("-")) return prompt === null && words.length === 0 ? null : typed
    if (!pipes) {
      return yield* new CommandRefused({ message: "Reading the prompt from stdin (-) needs MLXK2_ENABLE_PIPES=1" })
    }
    const piped = yield* stdio.readAll
    return typed === "" ? piped : `${piped}\n\n${typed}`
  })

const requestOf = (values: RunValues, input: GenerateInput): GenerateOptions => ({
  input,
  sampling: {
    temperature: values.temperature ?? defaultSampling.temperature,
    topP: values.topP ?? defaultSampling.topP,
    repetitionPenalty: values.repetitionPenalty ?? defaultSampling.repetitionPenalty,
    seed: values.seed
  },
  maxTokens: values.maxTokens,
  contextShare: 1,
  stop: []
})

const inputOf = ({ noChatTemplate }: RunValues, text: string): GenerateInput => ({
  _tag: noChatTemplate ? "Raw" : "Prompt",
  text
})

export const run = command("run", { about: "Run model with prompt", parameters }, (values) =>
  Effect.gen(function* () {
    const output = yield* Output
    if (values.system !== null) yield* output.note("Warning: --system has no effect")
    const prompt = yield* promptOf(values)
    const shown = {
      live: output.live && !values.noStream,
      verbose: values.verbose,
      reasoning: values.noReasoning ? ("hidden" as const) : ("inline" as const)
    }
    // Generating is loaded when it is wanted: the other commands start without it.
    if (prompt !== null) {
      const { singleShot } = yield* Effect.promise(() => import("../SingleShot.js"))
      const request = requestOf(values, inputOf(values, prompt))
      return yield* singleShot({ ...shown, model: values.model, prompt, request })
    }
    if (output.json) {
      const problem = "Interactive mode not compatible with JSON output: give a prompt"
      return yield* new InvalidRequest({ param: "prompt", problem })
    }
    const { chat } = yield* Effect.promise(() => import("../Chat.js"))
    return yield* chat(values.model, {
      ...shown,
      request: (messages) => requestOf(values, { _tag: "Chat", messages })
    })
  })
)
