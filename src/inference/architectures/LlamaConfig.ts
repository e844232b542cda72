/** config.json of the Llama family, with the defaults that mlx-lm's argument classes have. Pure. */
import { Either, Schema } from "effect"
import { excerpt } from "../../domain/Excerpt.js"
import {
  badConfig,
  between,
  type ConfigProblem,
  decodeFields,
  flag,
  integer,
  nullish,
  number,
  positive,
  Section,
  size,
  texts,
  unsupported
} from "../Config.js"
import { type RopeSpec, ropeSpec } from "../Rope.js"

/** What sets one member of the family apart. `"config"` leaves it to the field of that purpose; null makes it required. */
export interface LlamaRow {
  /** Bias of the q, k and v projections. */
  readonly inputBias: boolean | "config"
  /** Bias of the o projection. */
  readonly outputBias: boolean | "config"
  readonly mlpBias: false | "config"
  /** A norm over each head of q and k, before rope. */
  readonly headNorm: boolean
  /** Size of a head: a field that may be missing, one that must be there, or always hidden_size / heads. */
  readonly headSize: "optional" | "required" | "derived"
  /** Whether a missing num_key_value_heads means as many as heads. */
  readonly keyValueHeadsOptional: boolean
  /** Default of tie_word_embeddings. */
  readonly tied: boolean | null
  /** Default of rope_theta. */
  readonly ropeBase: number | null
  /** Default of max_position_embeddings, which only dynamic rope reads. */
  readonly maxPositions: number | null
  /** Whether rope_traditional is read. */
  readonly interleavedRope: boolean
  /** Whether layer_types and sliding_window are read. */
  readonly windows: boolean
  /** Old checkpoints carry rope tables that nobody needs. */
  readonly ignoresRopeTables: boolean
}

/** A decoded config. */
export interface LlamaConfig {
  readonly vocabSize: number
  readonly hiddenSize: number
  readonly mlpSize: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly headSize: number
  readonly eps: number
  readonly tied: boolean
  readonly rope: RopeSpec
  readonly inputBias: boolean
  readonly outputBias: boolean
  readonly mlpBias: boolean
  /** The window of each layer, null for a layer that sees everything. */
  readonly windows: ReadonlyArray<number | null>
}

const MAX_LAYERS = 10_000
/** A hundred times the largest real one. Rope tables are made of it before the weights are looked at. */
const MAX_HEAD_SIZE = 65_536

const Fields = Schema.Struct({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: integer(1, MAX_LAYERS),
  num_attention_heads: size,
  rms_norm_eps: between(0, 1),
  num_key_value_heads: nullish(size),
  head_dim: nullish(integer(0, MAX_HEAD_SIZE)),
  max_position_embeddings: nullish(size),
  attention_bias: nullish(flag),
  mlp_bias: nullish(flag),
  tie_word_embeddings: nullish(flag),
  rope_theta: nullish(positive),
  rope_traditional: nullish(flag),
  rope_scaling: nullish(Section),
  rope_parameters: nullish(Section),
  layer_types: nullish(texts(MAX_LAYERS)),
  sliding_window: nullish(number)
})
type Fields = typeof Fields.Type

const missing = (field: string) => badConfig(`${field}: is missing`)

const required = <A>(field: string, value: A | null): Either.Either<A, ConfigProblem> =>
  value === null ? missing(field) : Either.right(value)

/** Zero counts as not given. */
const headSize = (row: LlamaRow, fields: Fields): Either.Either<number, ConfigProblem> => {
  const derived = Math.floor(fields.hidden_size / fields.num_attention_heads)
  const given = row.headSize === "derived" ? null : (fields.head_dim ?? null) || null
  const value = row.headSize === "required" ? given : (given ?? derived)
  if (value === null) return missing("head_dim")
  if (value > MAX_HEAD_SIZE) return badConfig(`head size ${value} is larger than ${MAX_HEAD_SIZE}`)
  return value > 0 && value % 2 === 0 ? Either.right(value) : badConfig(`head size ${value} is not even`)
}

const keyValueHeads = (row: LlamaRow, fields: Fields): Either.Either<number, ConfigProblem> => {
  const heads = fields.num_attention_heads
  const value = fields.num_key_value_heads ?? (row.keyValueHeadsOptional ? heads : null)
  if (value === null) return missing("num_key_value_heads")
  return heads % value === 0
    ? Either.right(value)
    : badConfig(`num_attention_heads ${heads} is not a multiple of num_key_value_heads ${value}`)
}

/** Newer configs say `rope_parameters` where older ones had `rope_theta` and `rope_scaling`; the older fields win. */
const rope = (row: LlamaRow, fields: Fields, dims: number): Either.Either<RopeSpec, ConfigProblem> =>
  Either.gen(function* () {
    const parameters = fields.rope_parameters ?? null
    const { rope_theta: nested } = yield* decodeFields(
      Schema.Struct({ rope_theta: nullish(positive) }),
      parameters ?? {},
      "rope_parameters."
    )
    return yield* ropeSpec({
      dims,
      base: yield* required("rope_theta", fields.rope_theta ?? nested ?? row.ropeBase),
      interleaved: row.interleavedRope && fields.rope_traditional === true,
      scaling: fields.rope_scaling ?? parameters,
      maxPositions: fields.max_position_embeddings ?? row.maxPositions
    })
  })

/** `layer_types` also decides how many layers there are. A sliding_window without it changes nothing. */
const windows = (row: LlamaRow, fields: Fields): Either.Either<ReadonlyArray<number | null>, ConfigProblem> => {
  const { layer_types: types, num_hidden_layers: layers, sliding_window: window } = fields
  if (!row.windows || !types) return Either.right(Array.from({ length: layers }, () => null))
  const unknown = types.find((type) => type !== "full_attention" && type !== "sliding_attention")
  if (unknown !== undefined) return unsupported(`layer type ${excerpt(unknown)} is not supported`)
  if (!types.includes("sliding_attention")) return Either.right(types.map(() => null))
  return typeof window === "number" && Number.isSafeInteger(window) && window > 0
    ? Either.right(types.map((type) => (type === "sliding_attention" ? window : null)))
    : badConfig("sliding_window: must be a positive integer where layer_types has sliding_attention")
}

/** Missing means the row's default; null, as in Python, means false. */
const tied = (row: LlamaRow, fields: Fields) =>
  fields.tie_word_embeddings === undefined
    ? required("tie_word_embeddings", row.tied)
    : Either.right(fields.tie_word_embeddings === true)

/** Decodes config.json for one member of the family. */
export const llamaConfig = (row: LlamaRow, config: Section): Either.Either<LlamaConfig, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const attentionBias = fields.attention_bias === true
    const size = yield* headSize(row, fields)
    return {
      vocabSize: fields.vocab_size,
      hiddenSize: fields.hidden_size,
      mlpSize: fields.intermediate_size,
      heads: fields.num_attention_heads,
      keyValueHeads: yield* keyValueHeads(row, fields),
      headSize: size,
      eps: fields.rms_norm_eps,
      tied: yield* tied(row, fields),
      rope: yield* rope(row, fields, size),
      inputBias: row.inputBias === "config" ? attentionBias : row.inputBias,
      outputBias: row.outputBias === "config" ? attentionBias : row.outputBias,
      mlpBias: row.mlpBias === "config" && fields.mlp_bias === true,
      windows: yield* windows(row, fields)
    }
  })
