/** The usual decoder: layers of a normed attention and a normed MLP, in the usual tree of modules. */
import type { Decoder } from "../Decoder.js"
import { type Norm, norm } from "./Norm.js"
import { chain, dividedBy, linear, type Part, times } from "./Part.js"
import { embedding, sequential, transformer } from "./Transformer.js"

/** Makes a part of one layer, whose modules lie below `path`. */
export type LayerPart = (path: string, layer: number) => Part

export interface PreNorm {
  readonly vocabSize: number
  readonly width: number
  readonly layers: number
  readonly norm: Omit<Norm, "path">
  readonly attention: LayerPart
  readonly mlp: LayerPart
  /** The head is the embedding. */
  readonly tied: boolean
  readonly headBias?: boolean
  readonly names?: Partial<Names>
  /** Multiplies the embedding. */
  readonly embeddingScale?: number
  /** Multiplies what attention and MLP add. */
  readonly branchScale?: number
  /** The final hidden states, and the logits, are divided by it. */
  readonly hiddenDivisor?: number
  readonly logitsDivisor?: number
  /** Norms behind attention and MLP, by their names below a layer. */
  readonly afterNorms?: { readonly attention: string; readonly mlp: string }
  /** In place of the rows of the embedding's table. */
  readonly embed?: Part
  /** In place of the head's matrix. */
  readonly head?: Part
  /** Names of older forms of a checkpoint; null drops a tensor. */
  readonly storedAs?: Decoder["storedAs"]
}

interface Names {
  readonly embedding: string
  readonly layers: string
  readonly finalNorm: string
  readonly head: string
  /** Below a layer: the norms before attention and MLP. */
  readonly attentionNorm: string
  readonly mlpNorm: string
}

const usual: Names = {
  embedding: "model.embed_tokens",
  layers: "model.layers",
  finalNorm: "model.norm",
  head: "lm_head",
  attentionNorm: "input_layernorm",
  mlpNorm: "post_attention_layernorm"
}

/** What other programs keep in a checkpoint, and a tied model's head. */
const needless = (name: string, tied: boolean, head: string) =>
  name.includes("rotary_emb.inv_freq") || (tied && name === `${head}.weight`)

export const preNorm = (spec: PreNorm): Decoder => {
  const { afterNorms, branchScale = 1, embeddingScale = 1, hiddenDivisor = 1, logitsDivisor = 1, tied, width } = spec
  const names = { ...usual, ...spec.names }
  const normed = (path: string) => norm({ ...spec.norm, path }, width)
  const after = (path: string, name: string | undefined) => (name === undefined ? null : normed(`${path}.${name}`))
  const layer = (_: unknown, index: number): Part => {
    const path = `${names.layers}.${index}`
    const branch = (before: string, part: Part, behind: string | undefined) =>
      chain(normed(`${path}.${before}`), part, after(path, behind), times(branchScale))
    return sequential(
      branch(names.attentionNorm, spec.attention(path, index), afterNorms?.attention),
      branch(names.mlpNorm, spec.mlp(path, index), afterNorms?.mlp)
    )
  }
  const head = spec.head ?? linear(tied ? names.embedding : names.head, spec.vocabSize, spec.headBias ?? false)
  return transformer({
    vocabSize: spec.vocabSize,
    embed: chain(spec.embed ?? embedding(names.embedding, spec.vocabSize, width), times(embeddingScale)),
    layers: Array.from({ length: spec.layers }, layer),
    head: chain(normed(names.finalNorm), dividedBy(hiddenDivisor), head, dividedBy(logitsDivisor)),
    storedAs: (name) =>
      needless(name, tied, names.head) ? null : spec.storedAs === undefined ? name : spec.storedAs(name)
  })
}
