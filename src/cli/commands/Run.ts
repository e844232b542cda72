/** `run <model> [prompt …]` (spec 01 §1.7, §12). */
import { Effect, Ref } from "effect"
import { type RunData, RunData as RunDataSchema } from "../../domain/Envelope.js"
import { CommandRefused, InvalidRequest } from "../../domain/Errors.js"
import { CHAT_STOPS, defaultSampling, type GenerateInput, type GenerateOptions } from "../../domain/Generation.js"
import { run as runModel } from "../../operations/Run.js"
import { Settings } from "../../services/Settings.js"
import { type Answer, follow, INTERRUPTED, noAnswer } from "../Answer.js"
import { chat } from "../Chat.js"
import { command, type Values } from "../CommandFile.js"
import { Output } from "../Output.js"
import { float, integer, json, required, rest, text, toggle, value } from "../Parameter.js"
import { Stdio } from "../Stdio.js"

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

const inputOf = ({ noChatTemplate }: RunValues, prompt: string): GenerateInput =>
  noChatTemplate ? { _tag: "Raw", text: prompt } : { _tag: "Chat", messages: [{ role: "user", content: prompt }] }

const runData = (model: string, prompt: string, { finished, text }: Answer): RunData => ({
  model,
  prompt,
  response: finished === null ? `${text}\n${INTERRUPTED}` : text,
  finish_reason: finished?.finishReason ?? "interrupted",
  usage:
    finished === null
      ? null
      : { prompt_tokens: finished.usage.promptTokens, completion_tokens: finished.usage.completionTokens }
})

/** One prompt, one answer. After Ctrl-C what came so far is still delivered, with a marker (spec 01 §12.5). */
const singleShot = (values: RunValues, prompt: string) =>
  Effect.gen(function* () {
    const output = yield* Output
    const answer = yield* Ref.make<Answer>(noAnswer)
    const live = output.live && !values.noStream
    const print = Effect.flatMap(Ref.get(answer), (given) =>
      output.json
        ? output.result(RunDataSchema, runData(values.model, prompt, given), () => "")
        : output.piece(`${live ? "" : given.text}\n${INTERRUPTED}\n`)
    )
    const events = runModel(values.model, requestOf(values, inputOf(values, prompt)))
    yield* follow(events, answer, { live, verbose: values.verbose }).pipe(
      // Nobody is left to be told that the pipe is closed.
      Effect.onInterrupt(() => Effect.ignore(print))
    )
    if (output.json) yield* print
  })

export const run = command("run", { about: "Run model with prompt", parameters }, (values) =>
  Effect.gen(function* () {
    const output = yield* Output
    if (values.system !== null) yield* output.note("Warning: --system has no effect")
    const prompt = yield* promptOf(values)
    if (prompt !== null) return yield* singleShot(values, prompt)
    if (output.json) {
      const problem = "Interactive mode not compatible with JSON output: give a prompt"
      return yield* new InvalidRequest({ param: "prompt", problem })
    }
    yield* chat(values.model, {
      live: output.live && !values.noStream,
      verbose: values.verbose,
      request: (messages) => ({ ...requestOf(values, { _tag: "Chat", messages }), stop: CHAT_STOPS })
    })
  })
)
