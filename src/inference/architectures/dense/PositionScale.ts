/** Queries that grow with their position, so that long contexts stay sharp. Pure. */
import { Either, Schema } from "effect"
import type { Part } from "../../blocks/Part.js"
import { positionScale } from "../../blocks/PositionScale.js"
import { type ConfigProblem, decodeFields, number, positive, Section } from "../../Config.js"

const Parameters = Schema.Struct({ llama_4_scaling_beta: number, original_max_position_embeddings: positive })

/** Queries [..., length, size] times 1 + beta * ln(1 + floor(position / original length)). */
export const attentionByPosition = (config: Section): Either.Either<Part, ConfigProblem> =>
  Either.gen(function* () {
    const { rope_parameters: parameters } = yield* decodeFields(Schema.Struct({ rope_parameters: Section }), config)
    const fields = yield* decodeFields(Parameters, parameters, "rope_parameters.")
    const { llama_4_scaling_beta: strength, original_max_position_embeddings: every } = fields
    return positionScale({ first: 0, every, strength })
  })
