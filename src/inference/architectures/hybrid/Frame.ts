/** What the families with recurrent layers share around their layers. */
import { Schema } from "effect"
import { ALL, type Attention } from "../../blocks/Attention.js"
import { gatedMlp, swiglu } from "../../blocks/Mlp.js"
import { type Norm, norm } from "../../blocks/Norm.js"
import { chain, linear, type Part } from "../../blocks/Part.js"
import { embedding, transformer } from "../../blocks/Transformer.js"
import { between, integer, nullish, positive } from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import type { RopeSpec } from "../../Rope.js"

/** A hundred times what any family has. Lists of routers are made of it before the weights are looked at. */
export const MAX_EXPERTS = 65_536

export interface Frame {
  readonly vocabSize: number
  readonly width: number
  /** Module names. */
  readonly embedding: string
  readonly finalNorm: Norm
  readonly layers: ReadonlyArray<Part>
  /** Whether the embedding is the head too; else the head is `lm_head`. */
  readonly tied: boolean
  readonly embeddingScale?: Part | null
  /** For logits. */
  readonly logits?: Part | null
  readonly storedAs?: Decoder["storedAs"]
}

/** Training helpers that predict further tokens, and a head that nobody reads. */
const unused = (name: string, tied: boolean) => name.includes("mtp.") || (tied && name === "lm_head.weight")

export const framed = (frame: Frame): Decoder => {
  const { embeddingScale = null, finalNorm, layers, logits = null, storedAs, tied, vocabSize, width } = frame
  const head = linear(tied ? frame.embedding : "lm_head", vocabSize)
  return transformer({
    vocabSize,
    embed: chain(embedding(frame.embedding, vocabSize, width), embeddingScale),
    layers,
    head: chain(norm(finalNorm, width), head, logits),
    storedAs: (name) => (unused(name, tied) ? null : storedAs === undefined ? name : storedAs(name))
  })
}

/** x + part(x). */
export const residual =
  (part: Part): Part =>
  (ops, x) =>
    ops.binary("add", x, part(ops, x))

export const rms = (path: string | null, eps: number): Norm => ({ kind: "rms", path, eps })

/** A gated MLP with `gate_proj`, `up_proj` and `down_proj` below `path`. */
export const silentMlp =
  (path: string, width: number, size: number, bias = false): Part =>
  (ops, x) =>
    gatedMlp(ops, x, path, { width, size, unit: swiglu, bias })

/** Rope without scaling. */
export const plainRope = (dims: number, base: number): RopeSpec => ({
  dims,
  interleaved: false,
  rates: { _tag: "Base", base, positionScale: 1 }
})

/** Attention over everything before, with the usual names. */
export const plainAttention = (
  path: string,
  sizes: Pick<Attention, "width" | "heads" | "kvHeads" | "headSize">,
  rope: RopeSpec | null
): Attention => ({
  ...sizes,
  path,
  names: { queries: "q_proj", keys: "k_proj", values: "v_proj" },
  output: "o_proj",
  rope,
  scale: sizes.headSize ** -0.5,
  visibility: ALL
})

/** Taps of a convolution over time. */
export const taps: Schema.Schema<number> = integer(2, 64)

/** Least and greatest step of a recurrence. */
export const stepBound: Schema.Schema<number> = between(0, Number.MAX_VALUE)

/** `rope_theta`, which newer configs have inside `rope_parameters`, where it wins. */
export const ropeBase = (
  base: number,
  parameters: { readonly rope_theta?: number | null } | null | undefined
): number => parameters?.rope_theta ?? base

export const RopeParameters = Schema.Struct({ rope_theta: nullish(positive) })
