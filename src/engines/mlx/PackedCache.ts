/** Keys and values packed to few bits, with a scale and a bias for each group of numbers. */
import { type KvBits, packedGroup } from "../../inference/CachePolicy.js"
import { lengthOf } from "../../inference/Shape.js"
import type { Binding } from "./Binding.js"
import type { Codec } from "./KeyValueCache.js"
import { solid } from "./Layout.js"
import type { MlxArray } from "./Mx.js"

/** Below it a group's numbers count as equal. */
const LEAST_SCALE = 1e-7

/** The binding's own quantization refuses rows as short as these. Sizes that no group divides stay as they are. */
export const packingCodec = (binding: Binding, bits: KvBits): Codec => {
  const { mx } = binding
  const perWord = 32 / bits
  const top = 2 ** bits - 1

  return {
    encode: (chunk, arena) => {
      const group = packedGroup(lengthOf(chunk.shape, -1))
      if (group === null) return [chunk]
      const t = arena.track
      const rows = chunk.shape.slice(0, -1)
      const number = (value: number) => t(mx.array(value, chunk.dtype))
      const grouped = t(mx.reshape(chunk, [...rows, -1, group]))
      const least = t(mx.min(grouped, -1, true))
      const range = t(mx.subtract(t(mx.max(grouped, -1, true)), least))
      const scale = t(mx.maximum(t(mx.divide(range, number(top))), number(LEAST_SCALE)))
      const codes = t(t(mx.round(t(mx.divide(t(mx.subtract(grouped, least)), scale)))).astype(mx.uint32))
      const shifts = t(
        mx.array(
          Array.from({ length: perWord }, (_, i) => i * bits),
          mx.uint32
        )
      )
      const words = t(mx.sum(t(mx.leftShift(t(mx.reshape(codes, [...rows, -1, perWord])), shifts)), -1))
      const perGroup = (x: MlxArray) => t(mx.reshape(x, [...rows, -1]))
      return [words, perGroup(scale), perGroup(least)]
    },
    decode: (stored, arena) => {
      const [words, scales, biases] = stored
      if (words === undefined) throw new Error("nothing is stored")
      if (scales === undefined || biases === undefined) return words
      const group = (lengthOf(words.shape, -1) * perWord) / lengthOf(scales.shape, -1)
      const whole = (x: MlxArray) => solid({ arena, binding }, x)
      return arena.track(mx.dequantize(whole(words), whole(scales), whole(biases), group, bits))
    }
  }
}
