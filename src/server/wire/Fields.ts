/**
 * Building blocks of request schemas: strict types (spec 03 §0.1(11)), `null` is absence (§1.6), and every leaf says in a
 * noun phrase what it wants, so that a refusal never repeats the client's data.
 */
import { Either, ParseResult, Schema } from "effect"
import { InvalidRequest } from "../../domain/Errors.js"

const MUST = "must be "
const REQUIRED = "is required"
const NOTHING = `${MUST}null`

/** Overriding, so that a refinement speaks for the type below it too. */
const wants = (phrase: string) => ({ message: () => ({ message: MUST + phrase, override: true }) })

const nothing = Schema.Null.annotations(wants("null"))

export const text = Schema.String.annotations(wants("a string"))
export const flag = Schema.Boolean.annotations(wants("a boolean"))
export const filledText = Schema.String.pipe(Schema.minLength(1)).annotations(wants("a non-empty string"))

const utf8Length = (value: string) => new TextEncoder().encode(value).length

export const shortText = (maxBytes: number) =>
  filledText.pipe(
    Schema.filter((value) => utf8Length(value) <= maxBytes, {
      message: () => `${MUST}a string of at most ${maxBytes} bytes`
    })
  )

/** Whole numbers may be written `1.0`; beyond 2^53 they can't be told apart and are refused. */
export const whole = Schema.Int.annotations(wants("an integer"))
export const atLeast = (minimum: number) =>
  Schema.Int.pipe(Schema.greaterThanOrEqualTo(minimum)).annotations(wants(`an integer of at least ${minimum}`))

export const wholeWithin = (minimum: number, maximum: number) =>
  Schema.Int.pipe(Schema.between(minimum, maximum)).annotations(wants(`an integer from ${minimum} to ${maximum}`))

export const within = (minimum: number, maximum: number) =>
  Schema.Number.pipe(Schema.between(minimum, maximum)).annotations(wants(`a number from ${minimum} to ${maximum}`))

export const positive = Schema.Number.pipe(Schema.greaterThan(0)).annotations(wants("a number above 0"))

export const oneOf = <const Values extends readonly [string, ...Array<string>]>(...values: Values) =>
  Schema.Literal(...values).annotations(wants(`one of ${values.join(", ")}`))

export const matching = (pattern: RegExp, phrase: string) =>
  Schema.String.pipe(Schema.pattern(pattern)).annotations(wants(phrase))

export const anyObject = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/** What a vocabulary can have for an id: nine digits at most. */
const TOKEN_ID = /^(0|[1-9]\d{0,8})$/

/** An object with token ids for keys. */
export const byTokenId = <A>(value: Schema.Schema<A>) =>
  Schema.Record({ key: Schema.String, value }).pipe(
    Schema.filter((entries) => Object.keys(entries).every((key) => TOKEN_ID.test(key)), {
      message: () => `${MUST}an object with token ids for keys`
    })
  )

/** A list whose items still report their own problems: the phrase speaks for the list's kind and length only. */
export const list = <A, I>(
  item: Schema.Schema<A, I>,
  limits: { readonly min?: number; readonly max?: number; readonly phrase: string }
) => {
  const { max = Number.POSITIVE_INFINITY, min = 0, phrase } = limits
  const message = () => MUST + phrase
  return Schema.Array(item)
    .annotations({ message })
    .pipe(Schema.filter(({ length }) => length >= min && length <= max, { message }))
}

/** An object that must have the field that another field's value names. */
export const requiring = <A, I>(schema: Schema.Schema<A, I>, named: (value: A) => keyof A & string) =>
  schema.pipe(
    Schema.filter((value) => (value[named(value)] === null ? { path: [named(value)], message: REQUIRED } : undefined))
  )

/** Absent and `null` are the same and decode to `null`. */
export const optional = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optionalWith(Schema.Union(schema, nothing), { default: () => null, exact: true })

/** Objects are the one kind of schema that can't be given a phrase: their decoded and encoded sides differ. */
const problemOf = ({ _tag, message }: ParseResult.ArrayFormatterIssue): string => {
  if (_tag === "Missing") return REQUIRED
  return message === REQUIRED || message.startsWith(MUST) ? message : `${MUST}an object`
}

/**
 * The one problem worth telling: of all branches that failed, the one that got furthest into the data; branches that
 * failed at the same place are alternatives.
 */
const asInvalid = (error: ParseResult.ParseError): InvalidRequest => {
  const issues = ParseResult.ArrayFormatter.formatErrorSync(error)
  const depth = Math.max(...issues.map(({ path }) => path.length))
  const deepest = issues.filter(({ path }) => path.length === depth)
  const path = deepest[0]?.path ?? []
  const problems = [...new Set(deepest.map(problemOf))].filter((problem) => problem !== NOTHING)
  return new InvalidRequest({
    param: path.length === 0 ? null : path.map(String).join("."),
    problem: problems.includes(REQUIRED)
      ? REQUIRED
      : MUST + problems.map((problem) => problem.slice(MUST.length)).join(" or ")
  })
}

/** A decoder of plain data whose refusals name the field by its dotted path. Unknown fields are ignored. */
export const decoder = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = Schema.decodeUnknownEither(schema)
  return (data: unknown): Either.Either<A, InvalidRequest> => Either.mapLeft(decode(data), asInvalid)
}
