import { assert, describe, it } from "@effect/vitest"
import { type Tensor, tensor } from "../../../src/engines/reference/Tensor.js"
import { indexedBlocks } from "../../../src/inference/blocks/BlockIndexer.js"
import { indexedKeys } from "../../../src/inference/blocks/Indexer.js"
import type { Ops } from "../../../src/inference/Ops.js"
import type { RopeSpec } from "../../../src/inference/Rope.js"
import { onReference, type TestMatrix } from "../../support/Interpreters.js"

/** Turns nothing that can be seen: both numbers of a pair stand still. */
const still: RopeSpec = {
  dims: 2,
  interleaved: false,
  rates: { _tag: "Table", rates: Float32Array.of(0), magnitude: 1 }
}

const SIZE = 2

/** Numbers between -1 and 1 that look like chance. */
const noise = (length: number, seed: number) =>
  Float32Array.from({ length }, (_, i) => ((Math.sin((i + 1) * 12.9898 + seed) * 43_758.5453) % 1) * 0.999)

const matrix = (rows: number, columns: number, seed: number): TestMatrix => ({
  shape: [rows, columns],
  values: noise(rows * columns, seed)
})

const identity = (size: number): TestMatrix => ({
  shape: [size, size],
  values: Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0))
})

const ones = (size: number) => tensor([size], new Float32Array(size).fill(1))

/** Which keys each row of a bias [1, heads, length, positions] keeps; rows of all heads one after the other. */
const kept = (bias: Tensor | undefined): ReadonlyArray<ReadonlyArray<number>> => {
  assert(bias !== undefined)
  const positions = bias.shape.at(-1) ?? 0
  return Array.from({ length: bias.data.length / positions }, (_, row) =>
    [...bias.data.slice(row * positions, (row + 1) * positions)].flatMap((value, key) => (value === 0 ? [key] : []))
  )
}

describe("an indexer of keys", () => {
  /** Keys whose first number is what a token is, queries that match it; norms would hide it. */
  const run = (tokens: ReadonlyArray<number>, keep: number) => {
    const x = tokens.flatMap((token) => [token, 1])
    const weights = {
      matrices: {
        "i.wk": matrix(SIZE, SIZE, 3),
        "i.wq_b": matrix(SIZE, SIZE, 4),
        "i.weights_proj": matrix(1, SIZE, 8)
      },
      tensors: { "i.k_norm.weight": ones(SIZE), "i.k_norm.bias": tensor([SIZE], Float32Array.of(0.3, -0.2)) }
    }
    const program = { length: tokens.length }
    const [results = []] = onReference(weights, [
      {
        ...program,
        program: (ops) => {
          const given = ops.constant(x, [1, tokens.length, SIZE])
          return [indexedKeys(ops, given, given, { path: "i", heads: 1, headSize: SIZE, keep, rope: still })]
        }
      }
    ])
    return kept(results[0])
  }

  it("keeps so many of the keys that a query sees, and all when there are no more", () => {
    const rows = run([0.3, -0.7, 0.9, 0.2, -0.4, 0.6], 3)
    for (const [i, keys] of rows.entries()) {
      const seen = keys.filter((key) => key <= i)
      assert.strictEqual(seen.length, Math.min(3, i + 1))
    }
  })

  it("keeps the last of keys that match equally", () => {
    assert.deepStrictEqual(run([0.5, 0.5, 0.5, 0.5, 0.5], 2).at(-1), [3, 4])
  })
})

describe("an indexer of blocks", () => {
  const LENGTH = 23
  const HEADS = 2

  /** By loops: the blocks of the best keys, the newest ones always. */
  const expected = (x: Float32Array, queries: Float32Array, blockSize: number, keep: number, local: number) => {
    const dot = (a: number, b: number, head: number) =>
      [0, 1].reduce((sum, n) => sum + (queries[(a * HEADS + head) * SIZE + n] ?? 0) * (x[b * SIZE + n] ?? 0), 0)
    return Array.from({ length: HEADS * LENGTH }, (_, row) => {
      const [head, position] = [Math.floor(row / LENGTH), row % LENGTH]
      const own = Math.floor(position / blockSize)
      const best = Array.from({ length: own + 1 }, (_, block) => {
        if (block > own - local) return Infinity
        const keys = Array.from({ length: blockSize }, (_, i) => block * blockSize + i)
        return Math.max(...keys.filter((key) => key <= position).map((key) => dot(position, key, head)))
      })
      const blocks = best
        .map((_, i) => i)
        .sort((a, b) => ((best[b] ?? 0) === (best[a] ?? 0) ? a - b : (best[b] ?? 0) - (best[a] ?? 0)))
      const kept = new Set(blocks.slice(0, keep))
      return Array.from({ length: position + 1 }, (_, key) => key).filter((key) =>
        kept.has(Math.floor(key / blockSize))
      )
    })
  }

  it.each([
    { blockSize: 4, keep: 2, local: 1, chunks: [LENGTH] },
    { blockSize: 5, keep: 3, local: 2, chunks: [9, 9, 5] },
    { blockSize: 3, keep: 2, local: 0, chunks: Array.from({ length: LENGTH }, () => 1) },
    { blockSize: 1, keep: 4, local: 1, chunks: [20, 3] },
    { blockSize: 64, keep: 1, local: 1, chunks: [LENGTH] }
  ])("$blockSize keys, $keep blocks, $local local, in chunks of $chunks", ({ blockSize, chunks, keep, local }) => {
    const x = noise(LENGTH * SIZE, 1)
    const toQueries = matrix(HEADS * SIZE, SIZE, 5)
    const weights = { matrices: { "a.index_q_proj": toQueries, "a.index_k_proj": identity(SIZE) } }
    const indexer = indexedBlocks({
      path: "a",
      attentionHeads: HEADS,
      heads: HEADS,
      headSize: SIZE,
      blockSize,
      keep,
      local,
      rope: still,
      norm: { kind: "rms", eps: 1 }
    })
    const tensors = { "a.index_q_norm.weight": ones(SIZE), "a.index_k_norm.weight": ones(SIZE) }
    let from = 0
    const steps = chunks.map((length) => {
      const part = x.slice(from * SIZE, (from + length) * SIZE)
      from += length
      return {
        length,
        program: <T>(ops: Ops<T>) => [indexer(ops, ops.constant(part, [1, length, SIZE]))]
      }
    })
    const rows = onReference({ ...weights, tensors }, steps).map(([bias]) => kept(bias))
    const norm = (values: Float32Array) =>
      Float32Array.from(values, (value, i) => {
        const first = i - (i % SIZE)
        const square = ((values[first] ?? 0) ** 2 + (values[first + 1] ?? 0) ** 2) / SIZE
        return value / Math.sqrt(square + 1)
      })
    const raw = Float32Array.from({ length: LENGTH * HEADS * SIZE }, (_, i) => {
      const [token, row] = [Math.floor(i / (HEADS * SIZE)), i % (HEADS * SIZE)]
      const values = toQueries.values instanceof Float32Array ? toQueries.values : new Float32Array(0)
      return [0, 1].reduce((sum, n) => sum + (values[row * SIZE + n] ?? 0) * (x[token * SIZE + n] ?? 0), 0)
    })
    const wanted = expected(norm(x), norm(raw), blockSize, keep, local)
    let start = 0
    for (const [c, length] of chunks.entries()) {
      for (let head = 0; head < HEADS; head++) {
        for (let i = 0; i < length; i++) {
          const found = rows[c]?.[head * length + i]?.filter((key) => key <= start + i)
          assert.deepStrictEqual(found, wanted[head * LENGTH + start + i], `head ${head}, position ${start + i}`)
        }
      }
      start += length
    }
  })
})
