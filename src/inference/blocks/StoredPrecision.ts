/**
 * Tensors that are changed when a checkpoint is loaded keep the precision they are stored in; the little that gets lost is
 * seen in the logits. config.json says what it is. Pure.
 */
import { Either, Schema } from "effect"
import { type ConfigProblem, decodeFields, nullish, type Section } from "../Config.js"
import { chain, type Part } from "./Part.js"

const Fields = Schema.Struct({ torch_dtype: nullish(Schema.Unknown), dtype: nullish(Schema.Unknown) })

/** Bits of a float32's fraction that a narrower type lacks. */
const lost: ReadonlyMap<unknown, number> = new Map([
  ["float32", 0],
  ["float16", 13]
])
const BFLOAT16 = 16

/** The nearest number with fewer bits: Dekker's splitting, which needs no look at the bits. */
const rounded =
  (bits: number): Part =>
  (ops, x) => {
    const high = ops.binary("multiply", x, 2 ** bits + 1)
    return ops.binary("subtract", high, ops.binary("subtract", high, x))
  }

/** Rounds float32 numbers to the type that the checkpoint is stored in. */
export const storedPrecision = (config: Section): Either.Either<Part, ConfigProblem> =>
  Either.map(decodeFields(Fields, config), (fields) => {
    const bits = lost.get(fields.dtype ?? fields.torch_dtype) ?? BFLOAT16
    return chain(bits === 0 ? null : rounded(bits))
  })
