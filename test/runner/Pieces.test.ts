/** What an answer consists of, through a real engine process: reasoning, tool calls, likelihoods (the engine only plays). */
import { assert, layer } from "@effect/vitest"
import { Chunk, Effect, Stream } from "effect"
import { InvalidRequest, ToolsNotSupported } from "../../src/domain/Errors.js"
import type { ChatOptions, GenerateEvent, GenerateOptions } from "../../src/domain/Generation.js"
import { type RunnableModel, Runner } from "../../src/services/Runner.js"
import { byteIds, EOS, tokenizerJson, VOCAB_SIZE } from "../support/Checkpoint.js"
import { fakeModel, fakeRunner, greedy, steps } from "./support.js"

const events = (model: RunnableModel, options: GenerateOptions) =>
  Effect.flatMap(Runner, ({ generate }) => Stream.runCollect(generate(model, options))).pipe(
    Effect.map(Chunk.toReadonlyArray)
  )

const chat = (options: Partial<GenerateOptions> = {}, input: Partial<ChatOptions> = {}) =>
  greedy("", { input: { _tag: "Chat", messages: [{ role: "user", content: "hi" }], ...input }, ...options })

const joined = (all: ReadonlyArray<GenerateEvent>, tag: "Delta" | "Reasoning") =>
  all.map((event) => (event._tag === tag && "text" in event ? event.text : "")).join("")

const callsOf = (all: ReadonlyArray<GenerateEvent>) => all.filter((event) => event._tag === "ToolCall")
const finishOf = (all: ReadonlyArray<GenerateEvent>) => {
  const last = all.at(-1)
  return last?._tag === "Finished" ? last : assert.fail("not finished")
}

const template = (source: string) => ({ "tokenizer_config.json": JSON.stringify({ chat_template: source }) })
const THINKS = template("<think></think>{% for m in messages %}{{ m.content }}{% endfor %}")
const OPENS = template("{% for m in messages %}{{ m.content }}{% endfor %}<think>\n")
const CALLS = template("{{ tools }}<tool_call>{% for m in messages %}{{ m.content }}{% endfor %}")

const tools = [{ type: "function", function: { name: "f" } }]
const CALL = '<tool_call>\n{"name": "f", "arguments": {"text": "a STOP"}}\n</tool_call>'
const ARGUMENTS = '{"text": "a STOP"}'

/** Harmony's tags as single tokens, in place of words that nobody uses. */
const TAGS = ["<|start|>", "<|channel|>", "<|message|>", "<|return|>", "<|call|>", "<|constrain|>"]
const harmony = () => {
  const json = JSON.parse(tokenizerJson)
  const ids = new Map<string, number>(
    TAGS.map((tag, i) => {
      const id: number = json.model.vocab[`Ġw${i}`]
      delete json.model.vocab[`Ġw${i}`]
      json.model.vocab[tag] = id
      json.added_tokens.push({ ...json.added_tokens[0], content: tag, id })
      return [tag, id]
    })
  )
  ids.set("<|end|>", json.model.vocab["<|end|>"])
  const encode = (text: string) =>
    text.split(/(<\|\w+\|>)/).flatMap((part) => (ids.has(part) ? [ids.get(part) ?? 0] : byteIds(part)))
  const files = {
    "tokenizer.json": JSON.stringify(json),
    ...template("{{ tools }}<|channel|><|message|>{{ messages[0].content }}<|start|>assistant")
  }
  return { encode, files }
}

layer(fakeRunner, { excludeTestServices: true })("an answer", (it) => {
  it.scoped("has its reasoning apart, and counts it", () =>
    Effect.gen(function* () {
      const answer = "<think>\nhm\n</think>\n\nFour."
      for (const [files, text] of [
        [THINKS, answer],
        [OPENS, answer.slice("<think>".length)]
      ] as const) {
        const model = yield* fakeModel({ answer: byteIds(text) }, files)
        const all = yield* events(model, chat())
        assert.strictEqual(joined(all, "Reasoning"), "hm")
        assert.strictEqual(joined(all, "Delta"), "Four.")
        const { finishReason, usage } = finishOf(all)
        assert.strictEqual(finishReason, "stop")
        assert.strictEqual(usage.completionTokens, text.length + 1)
        // From the character that completes the opening tag, if the answer has one, to the closing tag.
        assert.strictEqual(usage.reasoningTokens, "\nhm\n</think>".length + (files === THINKS ? 1 : 0))
      }
    })
  )

  it.scoped("to a prompt of one's own is the whole text", () =>
    Effect.gen(function* () {
      const text = "<think>hm</think>Four."
      const model = yield* fakeModel({ answer: byteIds(text) }, THINKS)
      const all = yield* events(model, greedy("hi"))
      assert.strictEqual(joined(all, "Delta"), text)
      assert.strictEqual(finishOf(all).usage.reasoningTokens, 0)
    })
  )

  it.scoped("cut off inside the reasoning has no content", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("<think>hm, yes") }, THINKS)
      const all = yield* events(model, chat({ maxTokens: 10 }))
      assert.strictEqual(joined(all, "Reasoning"), "hm,")
      assert.strictEqual(joined(all, "Delta"), "")
      assert.strictEqual(finishOf(all).finishReason, "length")
    })
  )

  it.scoped("has tool calls with ids of their own, in order, and stop strings hold outside of them only", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds(`So:\n${CALL}${CALL}`) }, CALLS)
      const all = yield* events(model, chat({ stop: ["STOP"] }, { tools }))
      assert.strictEqual(joined(all, "Delta"), "So:")
      const calls = callsOf(all)
      assert.deepStrictEqual(
        calls.map(({ call, index }) => [index, call.name, call.arguments]),
        [
          [0, "f", ARGUMENTS],
          [1, "f", ARGUMENTS]
        ]
      )
      assert.strictEqual(new Set(calls.map(({ call }) => call.id)).size, 2)
      for (const { call } of calls) assert.match(call.id, /^call_[0-9a-z]{9,}$/)
      assert.strictEqual(finishOf(all).finishReason, "tool_calls")
    })
  )

  it.scoped("ends with the last call that it may have", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds(`${CALL}${CALL}`) }, CALLS)
      const all = yield* events(model, chat({ maxToolCalls: 1 }, { tools }))
      assert.strictEqual(callsOf(all).length, 1)
      assert.strictEqual(finishOf(all).finishReason, "tool_calls")
      assert.strictEqual(steps(model), CALL.length)
    })
  )

  it.scoped("keeps the text of a call that the limit cuts off, and of calls that nobody asked for", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds(CALL) }, CALLS)
      const cut = yield* events(model, chat({ maxTokens: 30 }, { tools }))
      assert.deepStrictEqual([joined(cut, "Delta"), finishOf(cut).finishReason], [CALL.slice(0, 30), "length"])
      const free = yield* events(model, chat())
      assert.deepStrictEqual([joined(free, "Delta"), finishOf(free).finishReason], [CALL, "stop"])
    })
  )

  it.scoped("is refused tools that the template doesn't show, or whose calls nobody could read", () =>
    Effect.gen(function* () {
      const unreadable = { ...template("{{ tools }}{{ messages[0].content }}"), "config.json": '{"model_type":"phi3"}' }
      for (const files of [THINKS, { "tokenizer_config.json": null }, unreadable]) {
        const model = yield* fakeModel({ answer: byteIds("ok") }, files)
        const error = yield* Effect.flip(events(model, chat({}, { tools })))
        assert.deepStrictEqual(error, new ToolsNotSupported({ model: "org/fake" }))
        assert.strictEqual(steps(model), 0)
      }
    })
  )

  it.scoped("of harmony's channels is reasoning, content and calls, its tags never text", () =>
    Effect.gen(function* () {
      const { encode, files } = harmony()
      const thought = "<|channel|>analysis<|message|>hm<|end|>"
      const call = '<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a":1}<|call|>'
      const calling = yield* fakeModel({ answer: encode(thought + call) }, files)
      const all = yield* events(calling, chat({}, { tools }))
      assert.strictEqual(joined(all, "Reasoning"), "hm")
      assert.deepStrictEqual(
        callsOf(all).map(({ call }) => [call.name, call.arguments]),
        [["f", '{"a":1}']]
      )
      assert.strictEqual(joined(all, "Delta"), "")
      const { finishReason, usage } = finishOf(all)
      assert.strictEqual(finishReason, "tool_calls")
      assert.deepStrictEqual([usage.completionTokens, usage.reasoningTokens], [encode(thought + call).length, 4])

      const final = "<|start|>assistant<|channel|>final<|message|>Four.<|return|>"
      const answering = yield* fakeModel({ answer: encode(thought + final) }, files)
      const options = chat({ sampling: { ...chat().sampling, logProbabilities: 0 } })
      const pieces = yield* events(answering, options)
      assert.deepStrictEqual([joined(pieces, "Reasoning"), joined(pieces, "Delta")], ["hm", "Four."])
      const likely = pieces.flatMap((event) => (event._tag === "Delta" ? (event.likelihoods ?? []) : []))
      assert.strictEqual(likely.map(({ text }) => text).join(""), "Four.")
    })
  )

  it.scoped("tells how likely the tokens of its content were, with the text they bring", () =>
    Effect.gen(function* () {
      const text = "Grüße STO"
      const model = yield* fakeModel({ answer: byteIds(`<think>hm</think>${text}`) }, THINKS)
      const options = chat({ stop: ["STOP"], sampling: { ...chat().sampling, logProbabilities: 3 } })
      const all = yield* events(model, options)
      const deltas = all.filter((event) => event._tag === "Delta")
      for (const { likelihoods = [], text } of deltas) {
        assert.strictEqual(Buffer.from(likelihoods.flatMap(({ bytes }) => bytes)).toString(), text)
      }
      assert.strictEqual(joined(all, "Delta"), text)
      const first = deltas[0]?.likelihoods?.[0]
      // One logit of 10 among zeros.
      const total = Math.log(Math.exp(10) + VOCAB_SIZE - 1)
      assert.strictEqual(first?.text, "G")
      assert.approximately(first?.logProbability ?? 0, 10 - total, 1e-6)
      assert.strictEqual(first?.top.length, 3)
      assert.strictEqual(first?.top[0]?.text, "G")
      assert.approximately(first?.top[1]?.logProbability ?? 0, -total, 1e-6)
    })
  )

  it.scoped("obeys biases, and refuses what the vocabulary hasn't got", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("abc") })
      const [a = 0, x = 0] = [...byteIds("a"), ...byteIds("x")]
      const biased = (sampling: Partial<GenerateOptions["sampling"]>) =>
        events(model, greedy("hi", { sampling: { ...greedy("").sampling, ...sampling } }))
      const all = yield* biased({ logitBias: { [a]: -100, [x]: 5 } })
      assert.strictEqual(joined(all, "Delta"), "xbc")
      const stray = yield* Effect.flip(biased({ logitBias: { [VOCAB_SIZE]: 1 } }))
      assert.deepInclude(stray, { _tag: "InvalidRequest", param: "logit_bias" })
      const wide = yield* Effect.flip(biased({ topK: VOCAB_SIZE }))
      assert.deepStrictEqual(
        wide,
        new InvalidRequest({ param: "top_k", problem: `must be below the vocabulary's ${VOCAB_SIZE} tokens` })
      )
    })
  )

  it.scoped("has at least the tokens that it must have, and ends at others than the model's own", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("abc") })
      const length = (options: Partial<GenerateOptions>) =>
        Effect.map(events(model, greedy("hi", options)), (all) => [
          joined(all, "Delta"),
          finishOf(all).usage.completionTokens
        ])
      assert.deepStrictEqual(yield* length({ minTokens: 6 }), ["abc", 7])
      assert.deepStrictEqual(yield* length({ ignoreEndTokens: true, maxTokens: 9 }), ["abc", 9])
      assert.deepStrictEqual(yield* length({ stopTokenIds: byteIds("c") }), ["ab", 3])
      assert.deepStrictEqual(yield* length({ stopTokenIds: [EOS], ignoreEndTokens: true }), ["abc", 4])
    })
  )
})
