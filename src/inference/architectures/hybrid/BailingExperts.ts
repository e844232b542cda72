/** The MLPs and experts of Ling with linear attention. */
import { Either } from "effect"
import { excerpt } from "../../../domain/Excerpt.js"
import { mixture } from "../../blocks/Experts.js"
import { swiglu } from "../../blocks/Mlp.js"
import type { LayerPart } from "../../blocks/PreNorm.js"
import { type ConfigProblem, unsupported } from "../../Config.js"
import { silentMlp } from "./Frame.js"

/** What a config calls the scores of its router. */
export const routerScore = (name: string): Either.Either<"sigmoid" | "softmax", ConfigProblem> =>
  name === "sigmoid" || name === "softmax"
    ? Either.right(name)
    : unsupported(`score function ${excerpt(name)} is not supported`)

interface MixtureFields {
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly moe_intermediate_size: number
  readonly num_experts?: number | null
  readonly num_experts_per_tok: number
  readonly first_k_dense_replace: number
  readonly norm_topk_prob: boolean
  readonly moe_router_enable_expert_bias: boolean
  readonly routed_scaling_factor: number
  readonly use_bias: boolean
}

/** An MLP in the first layers, experts in the rest. */
export const feedForward = (
  fields: MixtureFields,
  router: {
    readonly score: "sigmoid" | "softmax"
    readonly groups: { readonly count: number; readonly keep: number; readonly dropped: number } | null
    readonly epsilon: number
    /** Width of the shared expert, 0 for none. */
    readonly sharedSize: number
  }
): LayerPart => {
  const { hidden_size: width, num_experts: count, num_experts_per_tok: chosen, use_bias: bias } = fields
  return (path, layer) => {
    const own = `${path}.mlp`
    if (typeof count !== "number" || layer < fields.first_k_dense_replace) {
      return silentMlp(own, width, fields.intermediate_size, bias)
    }
    return mixture({
      width,
      router: {
        path: `${own}.gate.gate_proj`,
        score: router.score,
        chosen,
        choiceBias: fields.moe_router_enable_expert_bias ? `${own}.gate.expert_bias` : null,
        groups: router.groups === null ? null : { ...router.groups, by: "bestTwo" },
        normalize: chosen > 1 && fields.norm_topk_prob ? router.epsilon : null,
        scale: fields.routed_scaling_factor
      },
      experts: { path: `${own}.switch_mlp`, count, size: fields.moe_intermediate_size, unit: swiglu, bias },
      shared:
        router.sharedSize > 0 ? { path: `${own}.shared_experts`, size: router.sharedSize, unit: swiglu, bias } : null
    })
  }
}
