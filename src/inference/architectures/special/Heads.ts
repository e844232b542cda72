/** Numbers of heads that fit together. Pure. */
import { Either } from "effect"
import { badConfig, type ConfigProblem, MAX_HEAD_SIZE } from "../../Config.js"

export interface Heads {
  readonly heads: number
  readonly kvHeads: number
  readonly headSize: number
}

/** Query heads share key-value heads evenly, and a head has pairs of dimensions to turn. */
export const fittingHeads = (heads: number, kvHeads: number, headSize: number): Either.Either<Heads, ConfigProblem> => {
  if (!Number.isInteger(kvHeads) || !Number.isInteger(heads / kvHeads)) {
    return badConfig(`${heads} attention heads are not a multiple of ${kvHeads} key-value heads`)
  }
  if (headSize > MAX_HEAD_SIZE) return badConfig(`head size ${headSize} is larger than ${MAX_HEAD_SIZE}`)
  return headSize > 0 && headSize % 2 === 0
    ? Either.right({ heads, kvHeads, headSize })
    : badConfig(`head size ${headSize} is not even`)
}
