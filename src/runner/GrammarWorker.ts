/**
 * xgrammar in a thread of its own: compiling and matching a grammar never hold up the model, and a grammar that never ends
 * is ended with the thread. The one file that knows the package.
 */
import { createRequire } from "node:module"
import { parentPort } from "node:worker_threads"
import type * as Xgrammar from "@mlc-ai/web-xgrammar"

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
  | { readonly _tag: "Start"; readonly matcher: number; readonly vocabulary: string; readonly ebnf: string }
  | { readonly _tag: "Accept"; readonly matcher: number; readonly token: number }
  | { readonly _tag: "Close"; readonly matcher: number }

/** Answers come in the order of the requests. A mask has a bit per token, set where the token may be next. */
export type GrammarReply = { readonly mask: Int32Array | null } | { readonly problem: string }

/** Compiled grammars that are kept; one has some MB at 150,000 tokens. */
const KEPT_GRAMMARS = 32

/** The package is UMD that calls itself an ES module: it finds no `exports`, so it defines a global, and wants `require`. */
const load = async (): Promise<typeof Xgrammar> => {
  Object.assign(globalThis, { require: createRequire(import.meta.url), __filename: import.meta.url })
  await import("@mlc-ai/web-xgrammar")
  if (globalThis.xgrammar === undefined) throw new Error("xgrammar did not load")
  return globalThis.xgrammar
}

interface Vocabulary {
  readonly compiler: Xgrammar.GrammarCompiler
  readonly size: number
}
interface Matching {
  readonly matcher: Xgrammar.GrammarMatcher
  readonly size: number
}

const vocabularies = new Map<string, Vocabulary>()
const compiled = new Map<string, Xgrammar.CompiledGrammar>()
const matchings = new Map<number, Matching>()
let loaded: Promise<typeof Xgrammar> | null = null

/** The engine leaves bits behind the last token set. */
const maskOf = async (matcher: Xgrammar.GrammarMatcher, size: number): Promise<Int32Array> => {
  const mask = await matcher.getNextTokenBitmask()
  const last = mask[mask.length - 1]
  if (size % 32 !== 0 && last !== undefined) mask[mask.length - 1] = last & (2 ** (size % 32) - 1)
  return mask
}

const known = <K, A>(map: ReadonlyMap<K, A>, key: K): A => {
  const value = map.get(key)
  if (value === undefined) throw new Error("the request comes out of order")
  return value
}

const compile = async (vocabulary: string, ebnf: string): Promise<Xgrammar.CompiledGrammar> => {
  const key = `${vocabulary}\n${ebnf}`
  const grammar = compiled.get(key) ?? (await known(vocabularies, vocabulary).compiler.compileGrammar(ebnf))
  compiled.delete(key)
  compiled.set(key, grammar) // the last one used is the last one dropped
  for (const [oldest, old] of compiled) {
    if (compiled.size <= KEPT_GRAMMARS) break
    compiled.delete(oldest)
    old.dispose()
  }
  return grammar
}

const answer = async (request: GrammarRequest): Promise<Int32Array | null> => {
  loaded ??= load()
  const { GrammarCompiler, GrammarMatcher, TokenizerInfo } = await loaded
  switch (request._tag) {
    case "Vocabulary": {
      const { endIds, name, texts } = request
      const info = await TokenizerInfo.createTokenizerInfo([...texts], "byte_level", false, texts.length, [...endIds])
      const compiler = await GrammarCompiler.createGrammarCompiler(info, false)
      vocabularies.set(name, { compiler, size: texts.length })
      return null
    }
    case "Start": {
      const matcher = await GrammarMatcher.createGrammarMatcher(await compile(request.vocabulary, request.ebnf))
      const { size } = known(vocabularies, request.vocabulary)
      matchings.set(request.matcher, { matcher, size })
      return maskOf(matcher, size)
    }
    case "Accept": {
      const { matcher, size } = known(matchings, request.matcher)
      if (!matcher.acceptToken(request.token)) throw new Error("a token that isn't allowed was chosen")
      return matcher.isTerminated() ? null : maskOf(matcher, size)
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
    parentPort?.postMessage({ mask: await answer(request) } satisfies GrammarReply)
  } catch (error) {
    parentPort?.postMessage({ problem: String(error) } satisfies GrammarReply)
  }
}
parentPort?.on("message", (request: GrammarRequest) => {
  last = last.then(() => reply(request))
})
