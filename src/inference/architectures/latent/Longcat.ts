/** LongCat Flash: two attentions and two MLPs a layer, with experts beside them of which some do nothing. */
import { Either, Schema } from "effect"
import { throughExperts, weighted } from "../../blocks/Experts.js"
import { swiglu } from "../../blocks/Mlp.js"
import { ngramEmbedding } from "../../blocks/NgramEmbedding.js"
import { norm } from "../../blocks/Norm.js"
import { chain, linear, type Part } from "../../blocks/Part.js"
import { route } from "../../blocks/Router.js"
import { embedding, transformer } from "../../blocks/Transformer.js"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  eps,
  headSize,
  integer,
  layerCount,
  nullish,
  number,
  positive,
  Section,
  size,
  withDefault
} from "../../Config.js"
import type { Build, Decoder } from "../../Decoder.js"
import { chosenExperts, dense, expertCount, only, someExperts, switchField } from "../experts/Fields.js"
import { latentPart, latentRope, stretchScale } from "./Fields.js"

const Fields = Schema.Struct({
  vocab_size: size,
  hidden_size: size,
  ffn_hidden_size: size,
  moe_topk: size,
  expert_ffn_hidden_size: size,
  n_routed_experts: someExperts,
  zero_expert_num: expertCount,
  zero_expert_type: withDefault(only("identity"), "identity"),
  num_layers: layerCount,
  max_position_embeddings: size,
  num_attention_heads: size,
  kv_lora_rank: size,
  q_lora_rank: Schema.NullOr(size),
  qk_rope_head_dim: headSize,
  qk_nope_head_dim: headSize,
  v_head_dim: headSize,
  routed_scaling_factor: number,
  rms_norm_eps: eps,
  rope_theta: positive,
  mla_scale_q_lora: switchField,
  mla_scale_kv_lora: switchField,
  attention_bias: switchField,
  norm_topk_prob: switchField,
  router_bias: switchField,
  rope_scaling: nullish(Section)
})
type Fields = typeof Fields.Type

/** Of the norms of latents and query vectors. */
const LATENT_EPS = 1e-5

/** The last experts give the token back as it is. */
const mixed = (path: string, fields: Fields, chosen: number): Part => {
  const { hidden_size: width, n_routed_experts: count } = fields
  const router = {
    path: `${path}.router.classifier`,
    bias: fields.router_bias === true,
    score: "softmax",
    chosen,
    choiceBias: `${path}.router.e_score_correction_bias`,
    normalize: fields.norm_topk_prob === true ? 1e-20 : null,
    scale: fields.routed_scaling_factor
  } as const
  const stack = { path: `${path}.switch_mlp`, count, size: fields.expert_ffn_hidden_size, unit: swiglu }
  return (ops, x) => {
    const { chosen: experts, weights } = route(ops, x, count + fields.zero_expert_num, router)
    const idle = ops.binary("greater", experts, count - 1)
    const answers = throughExperts(ops, x, ops.binary("minimum", experts, count - 1), width, stack)
    const kept = ops.native(ops.reduce("sum", ops.binary("multiply", weights, idle), -1))
    const working = ops.where(idle, 0, weights)
    return ops.binary("add", weighted(ops, answers, working, width), ops.binary("multiply", x, kept))
  }
}

/** Experts see what the first MLP sees; what they answer is added behind the second. */
const layerOf = (path: string, fields: Fields, attention: (path: string) => Part, chosen: number): Part => {
  const { ffn_hidden_size: size, hidden_size: width, rms_norm_eps: eps } = fields
  const half = (i: number) => {
    const normed = (name: string) => norm({ kind: "rms", eps, path: `${path}.${name}.${i}` }, width)
    return {
      attend: chain(normed("input_layernorm"), attention(`${path}.self_attn.${i}`)),
      normed: normed("post_attention_layernorm"),
      mlp: dense(`${path}.mlps.${i}`, width, size)
    }
  }
  const [first, second] = [half(0), half(1)]
  const experts = mixed(`${path}.mlp`, fields, chosen)
  return (ops, x) => {
    const between = ops.binary("add", x, first.attend(ops, x))
    const seen = first.normed(ops, between)
    const aside = experts(ops, seen)
    const middle = ops.binary("add", between, first.mlp(ops, seen))
    const last = ops.binary("add", middle, second.attend(ops, middle))
    const end = ops.binary("add", last, second.mlp(ops, second.normed(ops, last)))
    return ops.binary("add", end, aside)
  }
}

const factor = (width: number, rank: number | null, on: boolean | null | undefined) =>
  on === true && rank !== null ? Math.sqrt(width / rank) : 1

const build = (
  fields: Fields,
  stored: ReadonlySet<string>,
  embed: Part,
  storedAs: Decoder["storedAs"]
): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const { hidden_size: width, vocab_size: vocabSize } = fields
    const attention = latentPart(fields, {
      eps: LATENT_EPS,
      rope: yield* latentRope(fields),
      storage: stored.has("model.layers.0.self_attn.0.kv_b_proj.weight") ? "joint" : "perHead",
      stretch: yield* stretchScale(fields.rope_scaling ?? null),
      queryFactor: factor(width, fields.q_lora_rank, fields.mla_scale_q_lora),
      latentFactor: factor(width, fields.kv_lora_rank, fields.mla_scale_kv_lora)
    })
    const chosen = yield* chosenExperts("moe_topk", fields.moe_topk, fields.n_routed_experts + fields.zero_expert_num)
    return transformer({
      vocabSize,
      embed,
      layers: Array.from({ length: fields.num_layers }, (_, i) =>
        layerOf(`model.layers.${i}`, fields, attention, chosen)
      ),
      head: chain(
        norm({ kind: "rms", eps: fields.rms_norm_eps, path: "model.norm" }, width),
        linear("lm_head", vocabSize)
      ),
      storedAs: (name) => (name.startsWith("model.mtp") ? null : storedAs(name))
    })
  })

export const longcatFlash: Build = (config, stored) =>
  Either.flatMap(decodeFields(Fields, config), (fields) =>
    build(fields, stored, embedding("model.embed_tokens", fields.vocab_size, fields.hidden_size), (name) => name)
  )

const Ngram = Schema.Struct({
  ngram_vocab_size_ratio: withDefault(size, 78),
  emb_neighbor_num: withDefault(integer(2, 8), 4),
  emb_split_num: withDefault(integer(1, 8), 4)
})

/** Row numbers are computed in float32. */
const MAX_ROWS = 2 ** 24

const NGRAM = "model.ngram_embeddings"

/** With embeddings of the last tokens together. */
export const longcatNgram: Build = (config, stored) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const ngram = yield* decodeFields(Ngram, config)
    const { emb_neighbor_num: longest, emb_split_num: tables } = ngram
    const rows = ngram.ngram_vocab_size_ratio * fields.vocab_size + 1
    if (rows + 2 * tables * longest > MAX_ROWS)
      return yield* badConfig(`ngram_vocab_size_ratio: ${rows} rows are too many`)
    const { hidden_size: width, vocab_size: vocabSize } = fields
    const embed = ngramEmbedding({ path: NGRAM, vocabSize, width, longest, tables, rows })
    return yield* build(fields, stored, embed, (name) =>
      name.replace(/^model\.embed_tokens\./, `${NGRAM}.word_embeddings.`)
    )
  })
