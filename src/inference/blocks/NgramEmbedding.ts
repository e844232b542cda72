/** Embeddings of the last few tokens together: each n-gram is hashed into tables, whose rows join the token's own. */
import type { Ops } from "../Ops.js"
import type { Part } from "./Part.js"

export interface NgramEmbedding {
  readonly path: string
  readonly vocabSize: number
  readonly width: number
  /** n-grams of 2 up to this many tokens. */
  readonly longest: number
  /** Tables for each length. */
  readonly tables: number
  /** Rows of the first table; each one has two more than the one before. */
  readonly rows: number
}

/** Ids are split for their products to be looked up: those would have too many digits for a float32. */
const SPLIT = 512

/** One table: its number of rows, and what the tokens before this one are multiplied with, the nearest first. */
interface Table {
  readonly index: number
  readonly rows: number
  readonly products: ReadonlyArray<Products>
}

/** Products of a fixed factor with the low and the high part of an id, modulo the number of rows. */
interface Products {
  readonly low: Float32Array
  readonly high: Float32Array
}

const productsOf = (factor: number, rows: number, vocabSize: number): Products => ({
  low: Float32Array.from({ length: SPLIT }, (_, i) => (i * factor) % rows),
  high: Float32Array.from({ length: Math.ceil(vocabSize / SPLIT) }, (_, i) => (i * ((SPLIT * factor) % rows)) % rows)
})

/** The tokens of an n-gram are the digits of a number to the base of the vocabulary. */
const tablesOf = ({ longest, rows: first, tables, vocabSize }: NgramEmbedding): ReadonlyArray<Table> =>
  Array.from({ length: (longest - 1) * tables }, (_, index) => {
    const rows = first + 2 * index
    const before = 1 + Math.floor(index / tables)
    let factor = 1
    const products = Array.from({ length: before }, () => {
      factor = (factor * vocabSize) % rows
      return productsOf(factor, rows, vocabSize)
    })
    return { index, rows, products }
  })

/** a + b modulo `rows`, both below it, without a sum that is too large to be exact. */
const added = <T>(ops: Ops<T>, a: T, b: T, rows: number): T => {
  const wrapped = ops.binary("add", ops.binary("subtract", a, rows), b)
  return ops.where(ops.binary("less", wrapped, 0), ops.binary("add", a, b), wrapped)
}

/** The id times the factor, modulo `rows`. */
const multiplied = <T>(ops: Ops<T>, ids: T, { high, low }: Products, rows: number): T => {
  const upper = ops.binary("minimum", ops.unary("floor", ops.binary("divide", ids, SPLIT)), high.length - 1)
  const lower = ops.binary("remainder", ids, SPLIT)
  const found = (values: Float32Array, at: T) => ops.takeRows(ops.constant(values, [values.length]), at)
  return added(ops, found(low, lower), found(high, upper), rows)
}

/** ids [batch, length] -> [batch, length, width]. */
export const ngramEmbedding = (spec: NgramEmbedding): Part => {
  const { longest, path, vocabSize, width } = spec
  const tables = tablesOf(spec)
  const columns = Math.floor(width / tables.length)
  const name = `${path}.ids`
  const before = longest - 1
  return <T>(ops: Ops<T>, ids: T) => {
    const context = ops.concat([ops.state(name, { shape: [before] }), ops.float32(ids)], 1)
    ops.remember(name, ops.slice(context, 1, -before, null))
    const earlier = (distance: number) => ops.slice(context, 1, before - distance, distance === 0 ? null : -distance)
    const rowsOf = ({ products, rows }: Table) =>
      products.reduce(
        (sum, factor, i) => added(ops, sum, multiplied(ops, earlier(i + 1), factor, rows), rows),
        ops.binary("remainder", earlier(0), rows)
      )
    const all = tables.reduce(
      (sum, table) => {
        const row = ops.binary("minimum", rowsOf(table), table.rows - 1)
        const found = ops.embedding(row, `${path}.embedders.${table.index}`, { rows: table.rows, columns })
        return ops.binary("add", sum, ops.linear(found, `${path}.post_projs.${table.index}`, { rows: width }))
      },
      ops.embedding(ids, `${path}.word_embeddings`, { rows: vocabSize, columns: width })
    )
    return ops.binary("divide", all, 1 + tables.length)
  }
}
