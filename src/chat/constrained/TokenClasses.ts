/**
 * Tokens by the classes of their bytes: those that an automaton can't tell apart, such as all words of seven letters, are one
 * path of a tree, which is small where the vocabulary is large.
 */
import { type ByteClasses, DEAD } from "./Dfa.js"
import { type Quote, stateAfter, type Tokens } from "./TokenWalk.js"

export interface TokenClasses {
  /** By node from 1 on, its parent, which comes before it, and the class of the byte between them. Node 0 is the root. */
  readonly parents: ReadonlyArray<number>
  readonly steps: ReadonlyArray<number>
  /** By node, the tokens that end there and those that have a quote there. */
  readonly tokens: ReadonlyArray<ReadonlyArray<number>>
  readonly quotes: ReadonlyArray<ReadonlyArray<Quote>>
}

/** Entries of the table with which the tree is made. */
const MAX_ENTRIES = 2 ** 22

const append = <A>(lists: Array<Array<A>>, at: number, item: A): void => {
  const list = lists[at]
  if (list === undefined) lists[at] = [item]
  else list.push(item)
}

const classesOf = ({ classes, count, live }: ByteClasses, tokens: Tokens): TokenClasses | null => {
  const max = Math.floor(MAX_ENTRIES / count)
  const children = new Int32Array(max * count)
  const parents = [0]
  const steps = [0]
  let full = false
  const step = (node: number, byte: number): number => {
    const column = classes[byte] ?? 0
    if (full || live[column] === 0) return DEAD
    const known = children[node * count + column] ?? 0
    if (known !== 0) return known
    full = parents.length >= max
    if (full) return DEAD
    children[node * count + column] = parents.length
    steps.push(column)
    return parents.push(node) - 1
  }
  const taken: Array<Array<number>> = []
  const quotes: Array<Array<Quote>> = []
  tokens.walk({ start: 0, step, take: (token, node) => append(taken, node, token) })
  for (const quote of tokens.quotes) {
    const node = stateAfter({ start: 0, step }, tokens.bytesOf(quote.token), quote.depth)
    if (node !== DEAD) append(quotes, node, quote)
  }
  return full ? null : { parents, steps, tokens: taken, quotes }
}

/** Of one vocabulary: a tree names all tokens that may be in its texts. */
const KEPT = 32

const known = new WeakMap<Tokens, Map<string, TokenClasses | null>>()

/** Null where the automaton tells most tokens apart. */
export const tokenClasses = (bytes: ByteClasses, tokens: Tokens): TokenClasses | null => {
  const all = known.get(tokens) ?? new Map<string, TokenClasses | null>()
  known.set(tokens, all)
  const key = `${bytes.classes.join()} ${bytes.live.join()}`
  const found = all.get(key)
  const made = found === undefined ? classesOf(bytes, tokens) : found
  all.delete(key)
  all.set(key, made) // the last one used is the last one dropped
  const [oldest] = all.keys()
  if (all.size > KEPT && oldest !== undefined) all.delete(oldest)
  return made
}
