/** Gemma's second embedding: every layer gets a small vector of its own for each token. */
import { norm } from "../../blocks/Norm.js"
import { chain, linear, type Part } from "../../blocks/Part.js"
import type { Ops } from "../../Ops.js"

export interface PerLayerInput {
  /** Module of the language model. */
  readonly path: string
  readonly width: number
  readonly layers: number
  /** Of the small vectors. */
  readonly size: number
  readonly vocabSize: number
  readonly eps: number
}

/** From ids and the scaled embedding of all tokens to [batch, length, layers, size]. */
export const perLayerInputs = <T>(ops: Ops<T>, ids: T, embedded: T, spec: PerLayerInput): T => {
  const { eps, layers, path, size, vocabSize, width } = spec
  const columns = layers * size
  const byLayer = (x: T, factor: number) => ops.reshape(ops.binary("multiply", x, factor), [0, 0, layers, size])
  const looked = ops.embedding(ids, `${path}.embed_tokens_per_layer`, { rows: vocabSize, columns })
  const projected = byLayer(
    ops.linear(embedded, `${path}.per_layer_model_projection`, { rows: columns }),
    width ** -0.5
  )
  const normed = norm({ kind: "rms", eps, path: `${path}.per_layer_projection_norm` }, size)(ops, projected)
  return ops.binary("multiply", ops.binary("add", normed, byLayer(looked, size ** 0.5)), Math.SQRT1_2)
}

/** The vectors of one layer: [batch, length, size]. */
export const ofLayer = <T>(ops: Ops<T>, inputs: T, layer: number, size: number): T =>
  ops.reshape(ops.slice(inputs, 2, layer, layer + 1), [0, 0, size])

/** What a layer makes of x [batch, length, width] and its vectors; `path` is the layer's. */
export const gatedInput = <T>(ops: Ops<T>, x: T, input: T, path: string, spec: PerLayerInput): T => {
  const gate = ops.unary("geluTanh", ops.linear(x, `${path}.per_layer_input_gate`, { rows: spec.size }))
  const back: Part = chain(
    linear(`${path}.per_layer_projection`, spec.width),
    norm({ kind: "rms", eps: spec.eps, path: `${path}.post_per_layer_input_norm` }, spec.width)
  )
  return back(ops, ops.binary("multiply", gate, input))
}
