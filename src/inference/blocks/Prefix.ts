/** A decoder whose weights lie below a name, as wrappers for pictures and text keep their language model. */
import type { Decoder } from "../Decoder.js"
import type { Ops } from "../Ops.js"

const below = <T>(ops: Ops<T>, prefix: string): Ops<T> => ({
  ...ops,
  embedding: (ids, path, table) => ops.embedding(ids, prefix + path, table),
  linear: (x, path, need) => ops.linear(x, prefix + path, need),
  expertLinear: (x, chosen, path, need) => ops.expertLinear(x, chosen, prefix + path, need),
  headLinear: (x, path, need) => ops.headLinear(x, prefix + path, need),
  weight: (name, shape) => ops.weight(prefix + name, shape)
})

/**
 * `inner` gives the stored name as the inner decoder knows it, without the prefix; null drops the tensor.
 */
export const prefixed = (prefix: string, decoder: Decoder, inner: (name: string) => string | null): Decoder => ({
  vocabSize: decoder.vocabSize,
  storedAs: (name) => {
    const known = inner(name)
    const own = known === null ? null : decoder.storedAs(known)
    return own === null ? null : prefix + own
  },
  forward: (ops, ids, rows) => decoder.forward(below(ops, prefix), ids, rows)
})
