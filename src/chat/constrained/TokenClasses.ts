/**
 * Tokens by the classes of their bytes: those that an automaton can't tell apart, such as all words of seven letters, are one
 * path of a tree, which is small where the vocabulary is large.
 */
import { type ByteClasses, DEAD } from "./Dfa.js"
import { type Quote, stateAfter, type Tokens, type Walk } from "./TokenWalk.js"

interface TokenClasses {
  /** By node from 1 on, its parent, which comes before it, and the class of the byte between them. Node 0 is the root. */
  readonly parents: ReadonlyArray<number>
  readonly classes: ReadonlyArray<number>
  /** By node, the tokens that end there and those that have a quote there. */
  readonly tokens: ReadonlyArray<ReadonlyArray<number>>
  readonly quotes: ReadonlyArray<ReadonlyArray<Quote>>
}

const append = <A>(lists: Array<Array<A>>, at: number, item: A): void => {
  const list = lists[at]
  if (list === undefined) lists[at] = [item]
  else list.push(item)
}

/** Entries of the table with which the tree is made. */
const MAX_ENTRIES = 2 ** 22

const classesOf = ({ classOf, count, live }: ByteClasses, tokens: Tokens): TokenClasses | null => {
  const max = Math.floor(MAX_ENTRIES / count)
  const children = new Int32Array(max * count)
  const parents = [0]
  const classes = [0]
  let full = false
  const step = (node: number, byte: number): number => {
    const column = classOf[byte] ?? 0
    if (full || live[column] === 0) return DEAD
    const known = children[node * count + column] ?? 0
    if (known !== 0) return known
    full = parents.length >= max
    if (full) return DEAD
    children[node * count + column] = parents.length
    classes.push(column)
    return parents.push(node) - 1
  }
  const taken: Array<Array<number>> = []
  const quotes: Array<Array<Quote>> = []
  tokens.walk({ start: 0, step, take: (token, node) => append(taken, node, token) })
  for (const quote of tokens.quotes) {
    const node = stateAfter({ start: 0, step }, tokens.bytesOf(quote.token), quote.depth)
    if (node !== DEAD) append(quotes, node, quote)
  }
  return full ? null : { parents, classes, tokens: taken, quotes }
}

/** Of one vocabulary: a tree names all tokens that may be in its texts. */
const KEPT = 32

const known = new WeakMap<Tokens, Map<string, TokenClasses | null>>()

/** Null where the automaton tells most tokens apart. */
const tokenClasses = (bytes: ByteClasses, tokens: Tokens): TokenClasses | null => {
  const all = known.get(tokens) ?? new Map<string, TokenClasses | null>()
  known.set(tokens, all)
  const key = `${bytes.classOf.join()} ${bytes.live.join()}`
  const found = all.get(key)
  const made = found === undefined ? classesOf(bytes, tokens) : found
  all.delete(key)
  all.set(key, made) // the last one used is the last one dropped
  const [oldest] = all.keys()
  if (all.size > KEPT && oldest !== undefined) all.delete(oldest)
  return made
}

interface QuoteWalk extends Walk {
  /** A token that is read up to a quote. */
  readonly quote: (quote: Quote, state: number) => void
}

const oneByOne = (tokens: Tokens, walk: QuoteWalk): void => {
  tokens.walk(walk)
  for (const quote of tokens.quotes) {
    const state = stateAfter(walk, tokens.bytesOf(quote.token), quote.depth)
    if (state !== DEAD) walk.quote(quote, state)
  }
}

const byClasses = (tokens: TokenClasses, { byteOf }: ByteClasses, walk: QuoteWalk): void => {
  const states = new Int32Array(tokens.parents.length).fill(DEAD)
  for (let node = 0; node < states.length; node++) {
    const before = states[tokens.parents[node] ?? 0] ?? DEAD
    const byte = byteOf[tokens.classes[node] ?? 0] ?? 0
    const state = node === 0 ? walk.start : before === DEAD ? DEAD : walk.step(before, byte)
    if (state === DEAD) continue
    states[node] = state
    for (const token of tokens.tokens[node] ?? []) walk.take(token, state)
    for (const quote of tokens.quotes[node] ?? []) walk.quote(quote, state)
  }
}

/** All tokens through an automaton that tells bytes apart by these classes. */
export const walkTokens = (tokens: Tokens, bytes: ByteClasses, walk: QuoteWalk): void => {
  const classes = tokenClasses(bytes, tokens)
  if (classes === null) oneByOne(tokens, walk)
  else byClasses(classes, bytes, walk)
}
