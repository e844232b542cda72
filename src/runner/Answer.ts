/** An answer: its tokens as reasoning, content and tool calls, until a token, a stop string, a call or the budget ends it. */
import { Effect } from "effect"
import { type AnswerEvent, answerMarks, answerStream } from "../chat/AnswerStream.js"
import type { Tokenizer } from "../chat/Tokenizer.js"
import type { ConstraintUnsupported } from "../domain/Errors.js"
import type { GenerateEvent, TokenLikelihood } from "../domain/Generation.js"
import type { LoadedModel } from "../inference/Engine.js"
import type { LogProbabilities } from "../inference/LogProbabilities.js"
import type { Choice, Sampler } from "../inference/Sampler.js"
import type { GrammarMatcher } from "./Grammars.js"
import type { Reading } from "./Reading.js"
import { constrainTokens } from "./TokenConstraint.js"
import { generateTokens } from "./Tokens.js"

export interface AnswerOptions {
  readonly model: LoadedModel
  readonly tokenizer: Pick<Tokenizer, "bytesOf" | "detokenizer" | "idOf" | "isSpecial">
  /** At least one token. */
  readonly promptIds: ReadonlyArray<number>
  readonly sampler: Sampler
  /** Most tokens the answer may have. */
  readonly budget: number
  readonly endIds: ReadonlySet<number>
  /** How the text of the answer is read. */
  readonly reading: Reading
  /** What its text must match, its reasoning excepted; null where it is free. */
  readonly matcher: GrammarMatcher | null
  readonly emit: (event: GenerateEvent) => void
}

const newCallId = (): string => `call_${crypto.randomUUID().replaceAll("-", "")}`

const lossy = new TextDecoder("utf-8", { ignoreBOM: true })

const likelihood = (
  { bytesOf }: Pick<Tokenizer, "bytesOf">,
  token: number,
  { chosen, top }: LogProbabilities
): TokenLikelihood => {
  const entry = (id: number, logProbability: number) => {
    const bytes = bytesOf(id) ?? new Uint8Array()
    return { text: lossy.decode(bytes), bytes: [...bytes], logProbability }
  }
  return { ...entry(token, chosen), top: top.map(({ logProbability, token }) => entry(token, logProbability)) }
}

/** Reads the answer's tokens. Likelihoods wait for the text of their tokens, and go with it where it isn't content. */
const makeReader = ({ emit, endIds, reading, tokenizer }: AnswerOptions) => {
  const marks = new Set([...answerMarks(reading)].flatMap((mark) => tokenizer.idOf(mark) ?? []))
  const text = tokenizer.detokenizer((id) => marks.has(id))
  const stream = answerStream({ ...reading, newCallId })
  let waiting: Array<TokenLikelihood> = []
  let reasoningTokens = 0

  const delta = (text: string): GenerateEvent => {
    if (waiting.length === 0) return { _tag: "Delta", text }
    const likelihoods = waiting
    waiting = []
    return { _tag: "Delta", text, likelihoods }
  }
  const send = (events: ReadonlyArray<AnswerEvent>) => {
    for (const event of events) {
      if (event._tag !== "Content") waiting = []
      emit(event._tag === "Content" ? delta(event.text) : event)
    }
  }
  return {
    push: ({ logProbabilities, token }: Choice) => {
      // What ends an answer is no part of it, but may be a mark that its reader waits for.
      if (endIds.has(token) && !marks.has(token)) return
      const before = stream.inReasoning()
      const shown = !before && !marks.has(token) && !tokenizer.isSpecial(token)
      if (shown && logProbabilities !== null) waiting.push(likelihood(tokenizer, token, logProbabilities))
      send(stream.push(text.push(token)))
      // What stands before a mark that showed nothing was no content.
      if (marks.has(token) || stream.inReasoning()) waiting = []
      if (before || stream.inReasoning()) reasoningTokens++
    },
    stopped: stream.stopped,
    inReasoning: stream.inReasoning,
    finish: (reason: "stop" | "length") => {
      send(stream.push(text.finish()))
      const { events, finishReason } = stream.finish(reason)
      send(events)
      return { finishReason, reasoningTokens }
    }
  }
}

/** Computes one answer and emits its pieces and its end. */
export const answer = (options: AnswerOptions): Effect.Effect<void, ConstraintUnsupported> =>
  Effect.gen(function* () {
    const { budget, emit, endIds, matcher, model, promptIds, reading, sampler, tokenizer } = options
    const reader = makeReader(options)
    // Channels are part of the grammar: only reasoning between tags lies before it.
    const opening = reading.reasoning?._tag === "Tags" && !reading.promptOpen ? reading.reasoning.open : null
    const constraint =
      matcher === null
        ? null
        : constrainTokens(matcher, {
            inReasoning: () => reading.reasoning?._tag === "Tags" && reader.inReasoning(),
            openId: opening === null ? null : tokenizer.idOf(opening),
            endIds,
            vocabSize: model.vocabSize
          })
    let ended = false
    const onToken = (choice: Choice): boolean => {
      ended = endIds.has(choice.token)
      reader.push(choice)
      return !ended && !reader.stopped()
    }
    const completionTokens =
      budget < 1 ? 0 : yield* generateTokens({ model, promptIds, sampler, maxTokens: budget, constraint, onToken })
    const { finishReason, reasoningTokens } = reader.finish(ended ? "stop" : "length")
    emit({
      _tag: "Finished",
      finishReason,
      usage: { promptTokens: promptIds.length, completionTokens, reasoningTokens }
    })
  })
