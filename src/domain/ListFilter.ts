/** Conditions and orders of `list` (`--filter`, `--sort`). Pure. */
import { Either } from "effect"
import { byCodePoint } from "./CachedModel.js"
import type { ModelObject } from "./ModelObject.js"

export type ModelFilter = (model: ModelObject, now: number) => boolean

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 }
const MINUTE = 60_000
const AGES: Readonly<Record<string, number>> = {
  h: 60 * MINUTE,
  d: 24 * 60 * MINUTE,
  w: 7 * 24 * 60 * MINUTE,
  y: 365 * 24 * 60 * MINUTE
}

const COMPARE: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  ">": (left, right) => left > right,
  ">=": (left, right) => left >= right,
  "<": (left, right) => left < right,
  "<=": (left, right) => left <= right,
  "=": (left, right) => left === right
}

/** A number with a unit; null when it isn't one. */
const amount = (text: string, units: Readonly<Record<string, number>>): number | null => {
  const [, digits = "", unit = ""] = /^(\d+(?:\.\d+)?)([a-z]?)b?$/.exec(text) ?? []
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined
  return digits === "" || factor === undefined ? null : Number(digits) * factor
}

/** Fields that are measured: how a value is written, and what of a model it is held against. */
const MEASURES: Readonly<
  Record<
    string,
    { readonly units: Readonly<Record<string, number>>; readonly of: (model: ModelObject, now: number) => number }
  >
> = {
  size: { units: UNITS, of: ({ size_bytes }) => size_bytes },
  /** How long ago. */
  modified: { units: AGES, of: ({ last_modified }, now) => now - Date.parse(last_modified) }
}

/** Fields that are words. */
const WORDS: Readonly<Record<string, (model: ModelObject) => string>> = {
  name: ({ name }) => name,
  type: ({ model_type }) => model_type,
  framework: ({ framework }) => framework,
  health: ({ health }) => health
}

const help = (text: string): string =>
  `invalid condition: '${text}'; write size>5g, modified<7d (units h, d, w, y), or name=, type=, framework=, health= and a word`

/** One condition, such as `size>5g`. */
const condition = (text: string): Either.Either<ModelFilter, string> => {
  const [, field = "", sign = "", value = ""] =
    /^([a-z]+)\s*(>=|<=|>|<|=)\s*(.+)$/.exec(text.trim().toLowerCase()) ?? []
  const measure = Object.hasOwn(MEASURES, field) ? MEASURES[field] : undefined
  const word = Object.hasOwn(WORDS, field) ? WORDS[field] : undefined
  const limit = measure === undefined ? null : amount(value, measure.units)
  const holds = COMPARE[sign]
  if (measure !== undefined && limit !== null && holds !== undefined) {
    return Either.right((model, now) => holds(measure.of(model, now), limit))
  }
  if (word !== undefined && sign === "=") return Either.right((model) => word(model).toLowerCase() === value)
  return Either.left(help(text))
}

/** Conditions joined by commas; all must hold. Left: what is wrong. */
export const modelFilter = (text: string): Either.Either<ModelFilter, string> =>
  Either.map(
    Either.all(text.split(",").map(condition)),
    (conditions): ModelFilter =>
      (model, now) =>
        conditions.every((holds) => holds(model, now))
  )

export type SortKey = "name" | "size" | "modified"

/** Left: what is wrong. */
export const sortKey = (text: string): Either.Either<SortKey, string> =>
  text === "name" || text === "size" || text === "modified"
    ? Either.right(text)
    : Either.left(`invalid choice: '${text}' (choose from 'name', 'size', 'modified')`)

/** The largest and the newest come first; equals by name. */
export const modelOrder: Readonly<Record<SortKey, (left: ModelObject, right: ModelObject) => number>> = {
  name: (left, right) => byCodePoint(left.name, right.name),
  size: (left, right) => right.size_bytes - left.size_bytes || byCodePoint(left.name, right.name),
  modified: (left, right) => byCodePoint(right.last_modified, left.last_modified) || byCodePoint(left.name, right.name)
}
