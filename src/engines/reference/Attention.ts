/** Attention and rotary embeddings, by their definitions. */
import type { AttendSpec, Visibility } from "../../inference/Ops.js"
import { dynamicBase, type RopeSpec } from "../../inference/Rope.js"
import { softmaxLine } from "./Axes.js"
import { spread } from "./Elementwise.js"
import { at, type Tensor, zeros } from "./Tensor.js"

/** Whether a query at one position sees a key at another. */
export const sees = (query: number, key: number, visibility: Visibility): boolean => {
  if (key > query) return false
  switch (visibility._tag) {
    case "All":
      return true
    case "Window":
      return query - key < visibility.size
    case "Chunk":
      return Math.floor(query / visibility.size) === Math.floor(key / visibility.size)
  }
}

/** 0 and minus infinity [length, positions], for keys whose last is the last of a chunk that ends at position `end`. */
export const mask = (length: number, positions: number, end: number, visibility: Visibility): Tensor => {
  const result = zeros([length, positions])
  for (let i = 0; i < length; i++) {
    for (let j = 0; j < positions; j++) {
      const seen = sees(end - length + i, end - positions + j, visibility)
      result.data[i * positions + j] = seen ? 0 : -Infinity
    }
  }
  return result
}

/** See `Ops.attend`; the chunk ends at position `end`. */
export const attend = (q: Tensor, k: Tensor, v: Tensor, spec: AttendSpec<Tensor>, end: number): Tensor => {
  const [batch = 0, heads = 0, length = 0, size = 0] = q.shape
  const [, keyHeads = 1, positions = 0, valueSize = 0] = v.shape
  const hidden = mask(length, positions, end, spec.visibility).data
  const bias = spec.bias ? spread(spec.bias, [batch, heads, length, positions]).data : null
  const result = zeros([batch, heads, length, valueSize])

  for (let row = 0; row < batch * heads * length; row++) {
    const head = Math.floor(row / length) % heads
    const keyHead = Math.floor(row / length / heads) * keyHeads + Math.floor((head * keyHeads) / heads)
    const sink = spec.sinks ? [at(spec.sinks.data, head)] : []
    const scores = Array.from({ length: positions }, (_, j) => {
      let score = 0
      for (let n = 0; n < size; n++)
        score += at(q.data, row * size + n) * at(k.data, (keyHead * positions + j) * size + n)
      score *= spec.scale
      const capped = spec.softcap ? spec.softcap * Math.tanh(score / spec.softcap) : score
      return capped + at(hidden, (row % length) * positions + j) + (bias === null ? 0 : at(bias, row * positions + j))
    })
    const weights = softmaxLine(Float64Array.from([...scores, ...sink]))
    for (let n = 0; n < valueSize; n++) {
      let sum = 0
      for (let j = 0; j < positions; j++)
        sum += (weights[j] ?? 0) * at(v.data, (keyHead * positions + j) * valueSize + n)
      result.data[row * valueSize + n] = sum
    }
  }
  return result
}

/** Radians that each pair turns per position, and what the rotated dimensions are multiplied by. */
const ratesOf = (
  { dims, rates }: RopeSpec,
  end: number
): { readonly perPair: ArrayLike<number>; readonly magnitude: number } => {
  const plain = (base: number, scale: number) =>
    Float64Array.from({ length: dims / 2 }, (_, i) => scale * base ** ((-2 * i) / dims))
  switch (rates._tag) {
    case "Base":
      return { perPair: plain(rates.base, rates.positionScale), magnitude: 1 }
    case "Dynamic":
      return { perPair: plain(dynamicBase(rates, dims, end), 1), magnitude: 1 }
    case "Table":
      return { perPair: rates.rates, magnitude: rates.magnitude }
  }
}

/** Turns x [batch, heads, length, size], whose chunk ends at position `end`. */
export const rope = (x: Tensor, spec: RopeSpec, end: number): Tensor => {
  const [, , length = 0, size = 0] = x.shape
  const { magnitude, perPair } = ratesOf(spec, end)
  const data = x.data.slice()
  for (let row = 0; row < data.length / size; row++) {
    const position = end - length + (row % length)
    for (let pair = 0; pair < spec.dims / 2; pair++) {
      const first = row * size + (spec.interleaved ? 2 * pair : pair)
      const second = first + (spec.interleaved ? 1 : spec.dims / 2)
      const angle = position * (perPair[pair] ?? 0)
      const [a, b, cos, sin] = [at(x.data, first), at(x.data, second), Math.cos(angle), Math.sin(angle)]
      data[first] = magnitude * (a * cos - b * sin)
      data[second] = magnitude * (a * sin + b * cos)
    }
  }
  return { shape: x.shape, data }
}
