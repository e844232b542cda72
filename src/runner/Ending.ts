/** Which tokens end a request's answer, and from when on. */
import type { GenerateOptions } from "../domain/Generation.js"
import type { Sampler } from "../inference/Sampler.js"

/** `own` are the model's. */
export const endIdsOf = (
  own: ReadonlySet<number>,
  { ignoreEndTokens = false, stopTokenIds = [] }: GenerateOptions
): ReadonlySet<number> => new Set([...(ignoreEndTokens ? [] : own), ...stopTokenIds])

/** The sampler, but its first `count` tokens are none of these. */
export const without = (sampler: Sampler, ids: ReadonlySet<number>, count: number): Sampler => {
  let chosen = 0
  return {
    next: (logits, mask) => {
      if (chosen++ >= count) return sampler.next(logits, mask)
      const rest = logits.slice()
      for (const id of ids) if (id < rest.length) rest[id] = -Infinity
      return sampler.next(rest, mask)
    }
  }
}
