/**
 * xgrammar in a thread of its own: compiling and matching a grammar never hold up the model, and a grammar that never ends
 * is ended with the thread. The one file that knows the package.
 */
import { createRequire } from "node:module"
import { parentPort } from "node:worker_threads"
import type * as Xgrammar from "@mlc-ai/web-xgrammar"
import { byteLevelText } from "../chat/ByteLevel.js"
import type { Language } from "../chat/constrained/Choices.js"
import { languageOf } from "../chat/constrained/Language.js"
import type { Regex } from "../chat/constrained/Regex.js"
import { makeSlotMatcher, type SlotMatcher } from "../chat/constrained/SlotMatcher.js"
import { MAX_SLOTS, OPEN_SLOT, slotText } from "../chat/constrained/Slots.js"
import { makeTokens, type Tokens } from "../chat/constrained/TokenWalk.js"

declare global {
  var xgrammar: typeof Xgrammar | undefined
}

export type GrammarRequest =
  /** Tokens by their ids, in the byte-level alphabet, and those that end a text. */
  | {
      readonly _tag: "Vocabulary"
      readonly name: string
      readonly texts: ReadonlyArray<string>
      readonly endIds: ReadonlyArray<number>
    }
  | {
      readonly _tag: "Start"
      readonly matcher: number
      readonly vocabulary: string
      readonly ebnf: string
      readonly slots: ReadonlyArray<Regex>
    }
  | { readonly _tag: "Accept"; readonly matcher: number; readonly token: number }
  | { readonly _tag: "Close"; readonly matcher: number }

/** Answers come in the order of the requests. A mask has a bit per token, set where the token may be next. */
export type GrammarReply = { readonly mask: Int32Array | null } | { readonly problem: string }

/** Compiled grammars that are kept; one has some MB at 150,000 tokens. */
const KEPT_GRAMMARS = 32

/** Of so many slots the automata are ready with the grammar, of others when the first text reaches them. */
const READY_SLOTS = 8

/** The package is UMD that calls itself an ES module: it finds no `exports`, so it defines a global, and wants `require`. */
const load = async (): Promise<typeof Xgrammar> => {
  Object.assign(globalThis, { require: createRequire(import.meta.url), __filename: import.meta.url })
  await import("@mlc-ai/web-xgrammar")
  if (globalThis.xgrammar === undefined) throw new Error("xgrammar did not load")
  return globalThis.xgrammar
}

interface Vocabulary {
  readonly compiler: Xgrammar.GrammarCompiler
  readonly tokens: Tokens
}
interface Compiled {
  readonly grammar: Xgrammar.CompiledGrammar
  readonly languages: ReadonlyArray<() => Language>
}
interface Matching {
  readonly matcher: Xgrammar.GrammarMatcher
  readonly slots: SlotMatcher
}

const vocabularies = new Map<string, Vocabulary>()
const compiled = new Map<string, Compiled>()
const matchings = new Map<number, Matching>()
let loaded: Promise<typeof Xgrammar> | null = null

const utf8 = new TextEncoder()
const openSlot = byteLevelText(utf8.encode(OPEN_SLOT))
const slotTokens = Array.from({ length: MAX_SLOTS }, (_, slot) => byteLevelText(utf8.encode(slotText([slot]))))

const lazily = <A>(make: () => A): (() => A) => {
  let made: A | undefined
  return () => {
    made ??= make()
    return made
  }
}

const known = <K, A>(map: ReadonlyMap<K, A>, key: K): A => {
  const value = map.get(key)
  if (value === undefined) throw new Error("the request comes out of order")
  return value
}

type Start = Extract<GrammarRequest, { readonly _tag: "Start" }>

const compile = async ({ ebnf, slots, vocabulary }: Start): Promise<Compiled> => {
  const { compiler, tokens } = known(vocabularies, vocabulary)
  const key = JSON.stringify([vocabulary, ebnf, slots])
  const before = compiled.get(key)
  const languages = before?.languages ?? slots.map((regex) => lazily(() => languageOf(regex, tokens)))
  if (before === undefined) for (const language of languages.slice(0, READY_SLOTS)) language().choices(language().start)
  const found = before ?? { grammar: await compiler.compileGrammar(ebnf), languages }
  compiled.delete(key)
  compiled.set(key, found) // the last one used is the last one dropped
  for (const [oldest, { grammar }] of compiled) {
    if (compiled.size <= KEPT_GRAMMARS) break
    compiled.delete(oldest)
    grammar.dispose()
  }
  return found
}

const readVocabulary = async (
  { GrammarCompiler, TokenizerInfo }: typeof Xgrammar,
  { endIds, name, texts }: Extract<GrammarRequest, { readonly _tag: "Vocabulary" }>
): Promise<null> => {
  // The character with which slots begin is in no JSON.
  const all = [...texts.map((text) => (text.includes(openSlot) ? "" : text)), ...slotTokens]
  const info = await TokenizerInfo.createTokenizerInfo(all, "byte_level", false, all.length, [...endIds])
  const compiler = await GrammarCompiler.createGrammarCompiler(info, false)
  vocabularies.set(name, { compiler, tokens: makeTokens(texts) })
  return null
}

const start = async ({ GrammarMatcher }: typeof Xgrammar, request: Start): Promise<Int32Array<ArrayBuffer> | null> => {
  const { grammar, languages } = await compile(request)
  const matcher = await GrammarMatcher.createGrammarMatcher(grammar)
  const structure = {
    mask: () => matcher.getNextTokenBitmask(),
    accept: (token: number) => matcher.acceptToken(token),
    acceptText: (text: string) => matcher._acceptString(text),
    undo: () => matcher.rollBack(1),
    hasEnded: () => matcher.isTerminated()
  }
  const slots = makeSlotMatcher(structure, languages, known(vocabularies, request.vocabulary).tokens)
  matchings.set(request.matcher, { matcher, slots })
  return slots.mask()
}

const answer = async (request: GrammarRequest): Promise<Int32Array<ArrayBuffer> | null> => {
  loaded ??= load()
  const engine = await loaded
  switch (request._tag) {
    case "Vocabulary":
      return readVocabulary(engine, request)
    case "Start":
      return start(engine, request)
    case "Accept": {
      const { slots } = known(matchings, request.matcher)
      if (!slots.accept(request.token)) throw new Error("a token that isn't allowed was chosen")
      return slots.mask()
    }
    case "Close":
      matchings.get(request.matcher)?.matcher.dispose()
      matchings.delete(request.matcher)
      return null
  }
}

// One after the other: some steps wait, and what comes meanwhile must not overtake them.
let last: Promise<unknown> = Promise.resolve()
const reply = async (request: GrammarRequest): Promise<void> => {
  try {
    const mask = await answer(request)
    parentPort?.postMessage({ mask } satisfies GrammarReply, mask === null ? [] : [mask.buffer])
  } catch (error) {
    parentPort?.postMessage({ problem: String(error) } satisfies GrammarReply)
  }
}
parentPort?.on("message", (request: GrammarRequest) => {
  last = last.then(() => reply(request))
})
