/** What the parts of a schema's reading share: limits, places, counts. Pure. */
import type { JsonObject } from "../../domain/JsonFile.js"
import type { Expression, Rules } from "./Grammar.js"
import type { JsonText } from "./JsonText.js"
import { Refusal } from "./Refusal.js"

export const LIMITS = {
  /** Of the schema's JSON text. */
  chars: 2 ** 17,
  /** Schemas inside of each other. */
  depth: 64,
  /** Listed values of the whole schema. */
  enumValues: 2000,
  /** Schemas in the schema, each counted as often as it is read. */
  schemas: 5000,
  /** Schemas of one `oneOf`: each is compared with each. */
  oneOf: 100,
  /** `maxItems`, `maxLength` and the like. */
  count: 100_000
} as const

/** A place in a schema while it is read. */
export interface Place {
  readonly path: string
  readonly depth: number
  /** References followed since the last character that must be written: one of them again would never end. */
  readonly references: ReadonlyArray<string>
}

export interface SchemaContext {
  readonly rules: Rules
  readonly json: JsonText
  readonly strict: boolean
  /** The expression of a schema; null for one that no value fits. */
  readonly value: (schema: unknown, place: Place) => Expression | null
}

/** A place inside of the value that is at this one. */
export const inside = (place: Place, ...keys: ReadonlyArray<string | number>): Place => ({
  path: pathOf(place.path, keys),
  depth: place.depth + 1,
  references: []
})

/** The same value's other schema. */
export const beside = (place: Place, ...keys: ReadonlyArray<string | number>): Place => ({
  ...place,
  path: pathOf(place.path, keys),
  depth: place.depth + 1
})

const pathOf = (path: string, keys: ReadonlyArray<string | number>): string =>
  [path, ...keys.map((key) => String(key).replaceAll("~", "~0").replaceAll("/", "~1"))].join("/")

/** A count that a keyword gives, `otherwise` without it. */
export const countOf = <A>(schema: JsonObject, keyword: string, path: string, otherwise: A): number | A => {
  const value = schema[keyword]
  if (value === undefined) return otherwise
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= LIMITS.count) return value
  throw new Refusal(keyword, path, `it must be an integer from 0 to ${LIMITS.count}`)
}
