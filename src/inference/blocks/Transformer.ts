/** The frame around layers: embedding, residual stream, final norm, head. */
import type { Decoder } from "../Decoder.js"
import type { Ops } from "../Ops.js"
import type { Part } from "./Part.js"

export interface Transformer {
  readonly vocabSize: number
  /** ids [batch, length] -> [batch, length, width]. */
  readonly embed: Part
  /** Each with its own residual connection. */
  readonly layers: ReadonlyArray<Part>
  /** Final norm and head; sees only the rows that are wanted. */
  readonly head: Part
  readonly storedAs: Decoder["storedAs"]
}

/** The rows of hidden states [batch, length, width] that logits are wanted for. */
export const wantedRows = <T>(ops: Ops<T>, hidden: T, rows: "last" | "all"): T =>
  rows === "last" ? ops.slice(hidden, 1, -1, null) : hidden

export const transformer = ({ embed, head, layers, storedAs, vocabSize }: Transformer): Decoder => ({
  vocabSize,
  storedAs,
  forward: (ops, ids, rows) => {
    const hidden = layers.reduce((x, layer) => layer(ops, x), embed(ops, ids))
    return head(ops, wantedRows(ops, hidden, rows))
  }
})

/** x + attention(x), then + mlp of that; norms belong to the parts. */
export const sequential =
  (attention: Part, mlp: Part): Part =>
  (ops, x) => {
    const between = ops.binary("add", x, attention(ops, x))
    return ops.binary("add", between, mlp(ops, between))
  }

/** x + attention(shared x) + mlp(shared x). */
export const parallel =
  (shared: Part, attention: Part, mlp: Part): Part =>
  (ops, x) => {
    const normed = shared(ops, x)
    return ops.binary("add", ops.binary("add", x, attention(ops, normed)), mlp(ops, normed))
  }

/** Rows of a table. */
export const embedding =
  (path: string, rows: number, columns: number): Part =>
  (ops, ids) =>
    ops.embedding(ids, path, { rows, columns })
