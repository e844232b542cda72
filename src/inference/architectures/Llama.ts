/** The Llama family: pre-norm blocks of grouped-query attention with rope and a gated MLP. */
import { Either } from "effect"
import type { ConfigProblem, Section } from "../Config.js"
import type { Decoder } from "../Decoder.js"
import type { Ops } from "../Ops.js"
import type { MatrixSpec, WeightSpec } from "../Weights.js"
import { type LlamaConfig, type LlamaRow, llamaConfig } from "./LlamaConfig.js"

/** One row per member; what mlx-lm's classes of the same names do. */
export const llamaRows = {
  llama: {
    inputBias: "config",
    outputBias: "config",
    mlpBias: "config",
    headNorm: false,
    headSize: "optional",
    keyValueHeadsOptional: true,
    tied: true,
    ropeBase: 10_000,
    maxPositions: null,
    interleavedRope: true,
    windows: true,
    ignoresRopeTables: true
  },
  qwen2: {
    inputBias: true,
    outputBias: false,
    mlpBias: false,
    headNorm: false,
    headSize: "derived",
    keyValueHeadsOptional: false,
    tied: true,
    ropeBase: 1_000_000,
    maxPositions: 32_768,
    interleavedRope: true,
    windows: false,
    ignoresRopeTables: true
  },
  qwen3: {
    inputBias: false,
    outputBias: false,
    mlpBias: false,
    headNorm: true,
    headSize: "required",
    keyValueHeadsOptional: false,
    tied: null,
    ropeBase: null,
    maxPositions: null,
    interleavedRope: false,
    windows: false,
    ignoresRopeTables: false
  }
} as const satisfies Record<string, LlamaRow>

const EMBEDDING = "model.embed_tokens"
const HEAD = "lm_head"
const FINAL_NORM = "model.norm.weight"

/** The names of one layer's weights. */
const layerNames = (layer: number) => {
  const path = `model.layers.${layer}`
  return {
    inputNorm: `${path}.input_layernorm.weight`,
    mlpNorm: `${path}.post_attention_layernorm.weight`,
    queries: `${path}.self_attn.q_proj`,
    keys: `${path}.self_attn.k_proj`,
    values: `${path}.self_attn.v_proj`,
    output: `${path}.self_attn.o_proj`,
    queryNorm: `${path}.self_attn.q_norm.weight`,
    keyNorm: `${path}.self_attn.k_norm.weight`,
    gate: `${path}.mlp.gate_proj`,
    up: `${path}.mlp.up_proj`,
    down: `${path}.mlp.down_proj`
  }
}

const matrix = (path: string, rows: number, columns: number, bias: boolean, kind: MatrixSpec["kind"] = "linear") =>
  ({ _tag: "Matrix", kind, path, rows, columns, bias }) as const

const vector = (name: string, length: number) => ({ _tag: "Vector", name, length }) as const

const layerWeights = (row: LlamaRow, config: LlamaConfig, layer: number): ReadonlyArray<WeightSpec> => {
  const { headSize, hiddenSize, inputBias, mlpBias, mlpSize } = config
  const names = layerNames(layer)
  const queries = config.heads * headSize
  const keys = config.keyValueHeads * headSize
  return [
    vector(names.inputNorm, hiddenSize),
    matrix(names.queries, queries, hiddenSize, inputBias),
    matrix(names.keys, keys, hiddenSize, inputBias),
    matrix(names.values, keys, hiddenSize, inputBias),
    matrix(names.output, hiddenSize, queries, config.outputBias),
    ...(row.headNorm ? [vector(names.queryNorm, headSize), vector(names.keyNorm, headSize)] : []),
    vector(names.mlpNorm, hiddenSize),
    matrix(names.gate, mlpSize, hiddenSize, mlpBias),
    matrix(names.up, mlpSize, hiddenSize, mlpBias),
    matrix(names.down, hiddenSize, mlpSize, mlpBias)
  ]
}

const weights = (row: LlamaRow, config: LlamaConfig): ReadonlyArray<WeightSpec> => [
  matrix(EMBEDDING, config.vocabSize, config.hiddenSize, false, "embedding"),
  ...config.windows.flatMap((_, layer) => layerWeights(row, config, layer)),
  vector(FINAL_NORM, config.hiddenSize),
  ...(config.tied ? [] : [matrix(HEAD, config.vocabSize, config.hiddenSize, false)])
]

/** One block: x + attention(norm x), then + mlp(norm of that). */
const block = <T>(ops: Ops<T>, x: T, row: LlamaRow, config: LlamaConfig, layer: number, window: number | null): T => {
  const { eps, headSize, heads, keyValueHeads, rope } = config
  const names = layerNames(layer)
  const normed = ops.rmsNorm(x, names.inputNorm, eps)
  const project = (path: string, count: number) => ops.splitHeads(ops.linear(normed, path), count)
  const norm = (y: T, name: string) => (row.headNorm ? ops.rmsNorm(y, name, eps) : y)
  const attended = ops.attention(
    norm(project(names.queries, heads), names.queryNorm),
    norm(project(names.keys, keyValueHeads), names.keyNorm),
    project(names.values, keyValueHeads),
    { layer, scale: headSize ** -0.5, rope, window }
  )
  const between = ops.add(x, ops.linear(attended, names.output))
  const { down, gate, up } = names
  const mlp = ops.gatedMlp(ops.rmsNorm(between, names.mlpNorm, eps), { gate, up, down, activation: "silu" })
  return ops.add(between, mlp)
}

/** Tensors that mlx-lm drops when it loads: the stored head of a tied model, rope tables of old checkpoints. */
const ignored = (row: LlamaRow, config: LlamaConfig) => (name: string) =>
  (config.tied && name === `${HEAD}.weight`) ||
  (row.ignoresRopeTables && name.includes("self_attn.rotary_emb.inv_freq"))

/** A member of the family as a function from config.json to its decoder. */
export const llama =
  (row: LlamaRow) =>
  (config: Section): Either.Either<Decoder, ConfigProblem> =>
    Either.map(llamaConfig(row, config), (decoded) => ({
      vocabSize: decoded.vocabSize,
      cacheLayers: decoded.windows.length,
      needs: { weights: weights(row, decoded), ignored: ignored(row, decoded) },
      forward: (ops, ids, rows) => {
        const hidden = decoded.windows.reduce(
          (x, window, layer) => block(ops, x, row, decoded, layer, window),
          ops.embedding(ids, EMBEDDING)
        )
        const wanted = rows === "last" ? ops.lastPosition(hidden) : hidden
        return ops.linear(ops.rmsNorm(wanted, FINAL_NORM, decoded.eps), decoded.tied ? EMBEDDING : HEAD)
      }
    }))
