/**
 * Reading fields of config.json: every number that sizes something is bounded, and every field says itself what it must be,
 * so that a refusal never repeats the file. Pure.
 */
import { Either, ParseResult, Schema } from "effect"
import { excerpt } from "../domain/Excerpt.js"
import { isObject } from "../domain/JsonFile.js"

/** `Unsupported`: the model asks for something this program doesn't have. `BadConfig`: a field can't be used. */
export type ConfigProblem =
  | { readonly _tag: "Unsupported"; readonly reason: string }
  | { readonly _tag: "BadConfig"; readonly problem: string }

export const unsupported = (reason: string): Either.Either<never, ConfigProblem> =>
  Either.left({ _tag: "Unsupported", reason })

export const badConfig = (problem: string): Either.Either<never, ConfigProblem> =>
  Either.left({ _tag: "BadConfig", problem })

const MUST = "must be "

/** A field by its own test, which sees the value first: a schema of parts would walk a huge list before refusing it. */
const field = <A>(is: (value: unknown) => value is A, phrase: string): Schema.Schema<A> =>
  Schema.declare(is).annotations({ message: () => MUST + phrase })

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value)

/** Far above any real size, far below where products of two stop being exact. */
const MAX_SIZE = 2 ** 26

/** A whole number within limits, both included. */
export const integer = (min: number, max: number): Schema.Schema<number> =>
  field(
    (value): value is number => isNumber(value) && Number.isInteger(value) && value >= min && value <= max,
    `an integer between ${min} and ${max}`
  )

/** A number of things of which there is at least one. */
export const size = integer(1, MAX_SIZE)

export const number = field(isNumber, "a number")
export const positive = field((value): value is number => isNumber(value) && value > 0, "a number above 0")

/** A number within limits, both included. */
export const between = (min: number, max: number): Schema.Schema<number> =>
  field(
    (value): value is number => isNumber(value) && value >= min && value <= max,
    `a number between ${min} and ${max}`
  )

export const flag = field((value): value is boolean => typeof value === "boolean", "true or false")

/** A list of limited length. */
export const list = <A>(
  item: (value: unknown) => value is A,
  max: number,
  items: string,
  min = 1
): Schema.Schema<ReadonlyArray<A>> =>
  field(
    (value): value is ReadonlyArray<A> =>
      Array.isArray(value) && value.length >= min && value.length <= max && value.every(item),
    `a list of ${min} to ${max} ${items}`
  )

export const texts = (max: number) => list((value) => typeof value === "string", max, "strings")
export const positives = (max: number) =>
  list((value): value is number => isNumber(value) && value > 0, max, "numbers above 0")
export const numbers = (max: number) => list(isNumber, max, "numbers", 0)
export const flags = (max: number) => list((value) => typeof value === "boolean", max, "times true or false")

/** Layers of a model; several times any real number of them, as their weights are listed before the files are looked at. */
export const MAX_LAYERS = 1000
export const layerCount = integer(1, MAX_LAYERS)

/** A hundred times the largest real one. Rope tables are made of it before the weights are looked at. */
export const MAX_HEAD_SIZE = 65_536
export const headSize = integer(1, MAX_HEAD_SIZE)

/** What a norm adds to a mean. */
export const eps = between(0, 1)

/** A field that may be missing or null. */
export const nullish = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optionalWith(Schema.NullOr(schema), { exact: true })

/** A field that may be missing, with what it means then; null is refused. */
export const withDefault = <A, I>(schema: Schema.Schema<A, I>, value: A) =>
  Schema.optionalWith(schema, { exact: true, default: () => value })

/** Part of a config as it was parsed. */
export type Section = Readonly<Record<string, unknown>>
export const Section: Schema.Schema<Section> = field((value): value is Section => isObject(value), "an object")

/** Alternatives of a field are told together; `null` is none that is worth telling. */
const problemOf = (issues: ReadonlyArray<ParseResult.ArrayFormatterIssue>): string => {
  if (issues.some(({ _tag }) => _tag === "Missing")) return "is missing"
  const phrases = issues.flatMap(({ message }) => (message.startsWith(MUST) ? [message.slice(MUST.length)] : []))
  return phrases.length === 0 ? "can't be used" : MUST + phrases.join(" or ")
}

/** Decodes the fields that a schema names; others are ignored. `prefix` is the path of `value` inside config.json. */
export const decodeFields = <A, I>(
  schema: Schema.Schema<A, I>,
  value: unknown,
  prefix = ""
): Either.Either<A, ConfigProblem> =>
  Either.mapLeft(Schema.decodeUnknownEither(schema)(value), (error): ConfigProblem => {
    const issues = ParseResult.ArrayFormatter.formatErrorSync(error)
    const path = issues[0]?.path.join(".") ?? ""
    return { _tag: "BadConfig", problem: `${prefix}${path}: ${problemOf(issues)}` }
  })

/** What each layer is: a list of `known` kinds only. */
export const knownLayers = <T extends string>(
  types: ReadonlyArray<string>,
  known: ReadonlyArray<T>
): Either.Either<ReadonlyArray<T>, ConfigProblem> => {
  const names: ReadonlyArray<string> = known
  const isKnown = (type: string): type is T => names.includes(type)
  const unknown = types.find((type) => !isKnown(type))
  return unknown === undefined
    ? Either.right(types.filter(isKnown))
    : unsupported(`layer type ${excerpt(unknown)} is not supported`)
}
