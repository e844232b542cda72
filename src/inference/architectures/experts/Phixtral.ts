/** Phixtral: attention and experts side by side behind one norm; experts without a gate. */
import { Either, Schema } from "effect"
import { ALL, attention } from "../../blocks/Attention.js"
import { weighted } from "../../blocks/Experts.js"
import { norm } from "../../blocks/Norm.js"
import { chain, linear, type Part } from "../../blocks/Part.js"
import { route } from "../../blocks/Router.js"
import { embedding, parallel, transformer } from "../../blocks/Transformer.js"
import {
  type ConfigProblem,
  decodeFields,
  headSize,
  layerCount,
  type Section,
  size,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import type { Ops } from "../../Ops.js"
import { chosenExperts, plainRope, someExperts } from "./Fields.js"

const Fields = Schema.Struct({
  num_vocab: withDefault(size, 51_200),
  model_dim: withDefault(size, 2560),
  num_heads: withDefault(size, 32),
  num_layers: withDefault(layerCount, 32),
  rotary_dim: withDefault(headSize, 32),
  num_experts_per_tok: withDefault(size, 2),
  num_local_experts: withDefault(someExperts, 4)
})

const layerNorm = (path: string, width: number) => norm({ kind: "layer", eps: 1e-5, bias: true, path }, width)

const mixed =
  (path: string, width: number, count: number, chosen: number): Part =>
  <T>(ops: Ops<T>, x: T) => {
    const routing = route(ops, x, count, { path: `${path}.gate`, score: "chosenSoftmax", chosen })
    const through = (y: T, name: string, rows: number) =>
      ops.expertLinear(y, routing.chosen, `${path}.switch_mlp.${name}`, { count, rows, bias: true })
    const inner = ops.unary("geluTanh", through(ops.reshape(x, [0, 0, 1, width]), "fc1", 4 * width))
    return weighted(ops, through(inner, "fc2", width), routing.weights, width)
  }

export const phixtral = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { model_dim: width, num_heads: heads, num_local_experts: count, num_vocab: vocabSize } = fields
    const size = Math.floor(width / heads)
    const rope = yield* plainRope(fields.rotary_dim, 10_000)
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    const layer = (path: string): Part => {
      const attend = attention({
        path: `${path}.mixer`,
        width,
        heads,
        kvHeads: heads,
        headSize: size,
        names: { fused: "Wqkv", rows: "blocks" },
        inputBias: true,
        output: "out_proj",
        outputBias: true,
        rope,
        scale: size ** -0.5,
        visibility: ALL
      })
      return parallel(layerNorm(`${path}.ln`, width), attend, mixed(`${path}.moe`, width, count, chosen))
    }
    return transformer({
      vocabSize,
      embed: embedding("transformer.embd.wte", vocabSize, width),
      layers: Array.from({ length: fields.num_layers }, (_, i) => layer(`transformer.h.${i}`)),
      head: chain(layerNorm("lm_head.ln", width), linear("lm_head.linear", vocabSize, true)),
      storedAs: (name) => name
    })
  })
