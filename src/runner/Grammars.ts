/** Grammars of one model's answers, matched in a thread that begins with the first of them. */
import { Worker } from "node:worker_threads"
import { Effect, type Scope } from "effect"
import type { ConstraintGrammar } from "../chat/constrained/Constraints.js"
import { type VocabularySource, vocabularyTexts } from "../chat/constrained/Vocabulary.js"
import { ConstraintUnsupported } from "../domain/Errors.js"
import type { GrammarReply, GrammarRequest } from "./GrammarWorker.js"

/** Loading the engine and reading a vocabulary: half a second, unless the machine has no time. */
const VOCABULARY_LIMIT_MILLIS = 60_000
/** Grammars within the limits of src/chat/constrained take less than a second. */
const STEP_LIMIT_MILLIS = 10_000

/** The state of one answer. */
export interface GrammarMatcher {
  /** The tokens that may be next: bit `id % 32` of word `id / 32`. Null when the answer is at its end. */
  readonly mask: Effect.Effect<Int32Array | null, ConstraintUnsupported>
  /** Takes the token that was chosen; the thread computes the next mask meanwhile. */
  readonly accept: (token: number) => void
}

export interface Grammars {
  /** Compiles a grammar, unless it is one of the last that were. */
  readonly start: (grammar: ConstraintGrammar) => Effect.Effect<GrammarMatcher, ConstraintUnsupported, Scope.Scope>
}

export interface GrammarsOptions {
  readonly tokenizer: VocabularySource
  readonly endIds: ReadonlySet<number>
  readonly entry: URL
}

/** Where the thread begins: beside the bundle, or in the sources when the program runs from them. */
export const grammarEntry = (): URL =>
  new URL(import.meta.url.endsWith(".ts") ? "../../scripts/grammar-worker.mjs" : "./grammar.mjs", import.meta.url)

interface Waiting {
  readonly resolve: (mask: Int32Array | null) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

/** A thread and the requests that it hasn't answered. It is gone after its first failure. */
const startThread = (entry: URL) => {
  // What the engine prints is of no use to anybody: its errors come as replies.
  const worker = new Worker(entry, { stdout: true, stderr: true })
  worker.unref()
  const waiting: Array<Waiting> = []
  let gone = false

  const end = (problem: string): void => {
    gone = true
    void worker.terminate()
    for (const { reject, timer } of waiting.splice(0)) {
      clearTimeout(timer)
      reject(new Error(problem))
    }
  }
  worker.on("message", (reply: GrammarReply) => {
    if ("problem" in reply) return end("the grammar engine refuses it")
    const first = waiting.shift()
    clearTimeout(first?.timer)
    first?.resolve(reply.mask)
  })
  worker.on("error", () => end("the grammar engine broke down"))
  worker.on("exit", () => end("the grammar engine ended"))
  return {
    isGone: () => gone,
    /** Names of the vocabularies that it has. */
    vocabularies: new Set<string>(),
    ask: (request: GrammarRequest, limitMillis: number): Promise<Int32Array | null> =>
      new Promise((resolve, reject) => {
        if (gone) return reject(new Error("the grammar engine ended"))
        const timer = setTimeout(() => end(`it takes longer than ${limitMillis / 1000} s`), limitMillis)
        waiting.push({ resolve, reject, timer })
        worker.postMessage(request)
      })
  }
}

type Thread = ReturnType<typeof startThread>

const refused = (error: unknown) =>
  new ConstraintUnsupported({
    param: "response_format",
    keyword: null,
    path: "#",
    problem: error instanceof Error ? error.message : "the grammar engine failed"
  })

export const makeGrammars = ({ endIds, entry, tokenizer }: GrammarsOptions): Grammars => {
  let thread: Thread | null = null
  let matchers = 0

  const running = (): Thread => {
    if (thread === null || thread.isGone()) thread = startThread(entry)
    return thread
  }
  const withVocabulary = async (at: Thread, marks: ReadonlySet<string>): Promise<string> => {
    const name = [...marks].sort().join(" ")
    if (at.vocabularies.has(name)) return name
    at.vocabularies.add(name)
    const request = { _tag: "Vocabulary", name, texts: vocabularyTexts(tokenizer, marks), endIds: [...endIds] } as const
    await at.ask(request, VOCABULARY_LIMIT_MILLIS)
    return name
  }
  const open = async ({ ebnf, marks, slots }: ConstraintGrammar) => {
    const at = running()
    const vocabulary = await withVocabulary(at, marks)
    const matcher = matchers++
    const first = await at.ask({ _tag: "Start", matcher, vocabulary, ebnf, slots }, STEP_LIMIT_MILLIS)
    return { at, matcher, first }
  }
  return {
    start: (grammar) =>
      Effect.acquireRelease(Effect.tryPromise({ try: () => open(grammar), catch: refused }), ({ at, matcher }) =>
        Effect.sync(() => {
          at.ask({ _tag: "Close", matcher }, STEP_LIMIT_MILLIS).catch(() => {})
        })
      ).pipe(
        Effect.map(({ at, first, matcher }) => {
          let next = Promise.resolve(first)
          return {
            mask: Effect.tryPromise({ try: () => next, catch: refused }),
            accept: (token) => {
              next = at.ask({ _tag: "Accept", matcher, token }, STEP_LIMIT_MILLIS)
              next.catch(() => {}) // who asks for the mask is told
            }
          }
        })
      )
  }
}
