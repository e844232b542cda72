/** The part of yarn that belongs to the scores of attention (arXiv 2309.00071): models with latent attention say it so. Pure. */
import { Either, Schema } from "effect"
import { type ConfigProblem, decodeFields, nullish, number, type Section } from "./Config.js"

const Fields = Schema.Struct({
  type: nullish(Schema.String),
  rope_type: nullish(Schema.String),
  factor: nullish(number),
  mscale_all_dim: nullish(number)
})

/** What the scale of the scores is multiplied by: (0.1 * mscale_all_dim * ln(factor) + 1) squared. */
export const yarnScale = (scaling: Section | null): Either.Either<number, ConfigProblem> =>
  scaling === null
    ? Either.right(1)
    : Either.map(decodeFields(Fields, scaling, "rope_scaling."), ({ factor, mscale_all_dim, rope_type, type }) =>
        (type || rope_type || "default") === "default" || !mscale_all_dim || !factor || factor <= 1
          ? 1
          : (0.1 * mscale_all_dim * Math.log(factor) + 1) ** 2
      )
