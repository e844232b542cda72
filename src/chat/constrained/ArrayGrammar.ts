/** `type: array` with its items and counts. Pure. */
import type { JsonObject } from "../../domain/JsonFile.js"
import { EMPTY, type Expression, literal, optional, sequence } from "./Grammar.js"
import { Refusal } from "./Refusal.js"
import { countOf, inside, type Place, type SchemaContext } from "./SchemaContext.js"

const itemsOf = (schema: JsonObject, place: Place, { rules, value }: SchemaContext) => {
  const { items = true, prefixItems = [], uniqueItems } = schema
  const refuse = (keyword: string, problem: string) => new Refusal(keyword, place.path, problem)
  if (uniqueItems !== undefined && uniqueItems !== false) throw refuse("uniqueItems", "the keyword isn't supported")
  if (Array.isArray(items)) throw refuse("items", "a list isn't supported; use 'prefixItems'")
  if (!Array.isArray(prefixItems)) throw refuse("prefixItems", "it must list schemas")
  const listed: ReadonlyArray<unknown> = prefixItems
  const rest = value(items, inside(place, "items"))
  return {
    first: listed.map((item, index) => value(item, inside(place, "prefixItems", index))),
    rest: rest === null ? null : rules.rule(rest)
  }
}

/** Null where no list fits. */
export const arrayGrammar = (schema: JsonObject, place: Place, context: SchemaContext): Expression | null => {
  const { json, rules } = context
  const min = countOf(schema, "minItems", place.path, 0)
  const most = countOf(schema, "maxItems", place.path, null)
  const { first, rest } = itemsOf(schema, place, context)
  const impossible = first.indexOf(null)
  const fixed = first.slice(0, impossible < 0 ? undefined : impossible).flatMap((item) => item ?? [])
  const ends = impossible >= 0 || rest === null
  const max = ends ? Math.min(most ?? fixed.length, fixed.length) : most
  if (max !== null && max < min) return null

  const next = (index: number, item: Expression) => (index === 0 ? item : sequence(literal(","), json.space, item))
  const others = (index: number): Expression => {
    if (rest === null) return EMPTY
    const following = (done: number) =>
      rules.repeat(next(1, rest), Math.max(0, min - done), max === null ? null : max - done)
    if (index > 0) return following(index)
    const all = sequence(rest, following(1))
    return min > 0 ? all : optional(all)
  }
  const listed = Math.min(fixed.length, max ?? fixed.length)
  let all = listed === max ? EMPTY : others(listed)
  for (const [index, item] of [...fixed.slice(0, listed).entries()].reverse()) {
    const here = sequence(next(index, item), all)
    // A rule for each: the engine refuses parentheses inside of each other hundreds deep.
    all = rules.rule(index < min ? here : optional(here))
  }
  return sequence(literal("["), json.space, all, json.space, literal("]"))
}
