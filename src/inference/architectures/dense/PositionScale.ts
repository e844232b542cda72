/** Queries that grow with their position, so that long contexts stay sharp. Pure. */
import { Either, Schema } from "effect"
import type { Part } from "../../blocks/Part.js"
import { type ConfigProblem, decodeFields, number, positive, Section } from "../../Config.js"

const Parameters = Schema.Struct({ llama_4_scaling_beta: number, original_max_position_embeddings: positive })

/** Queries [..., length, size] times 1 + beta * ln(1 + floor(position / original length)). */
export const attentionByPosition = (config: Section): Either.Either<Part, ConfigProblem> =>
  Either.gen(function* () {
    const { rope_parameters: parameters } = yield* decodeFields(Schema.Struct({ rope_parameters: Section }), config)
    const fields = yield* decodeFields(Parameters, parameters, "rope_parameters.")
    return (ops, queries) => {
      const positions = ops.reshape(ops.positions(), [-1, 1])
      const blocks = ops.unary("floor", ops.binary("divide", positions, fields.original_max_position_embeddings))
      const growth = ops.unary("log", ops.binary("add", blocks, 1))
      const factor = ops.binary("add", ops.binary("multiply", growth, fields.llama_4_scaling_beta), 1)
      return ops.binary("multiply", queries, factor)
    }
  })
