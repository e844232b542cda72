/** Reading fields of config.json. Pure. */
import { Either, ParseResult, Schema } from "effect"
import { excerpt } from "../domain/Excerpt.js"

/** `Unsupported`: the model asks for something this program doesn't have. `BadConfig`: a field can't be used. */
export type ConfigProblem =
  | { readonly _tag: "Unsupported"; readonly reason: string }
  | { readonly _tag: "BadConfig"; readonly problem: string }

export const unsupported = (reason: string): Either.Either<never, ConfigProblem> =>
  Either.left({ _tag: "Unsupported", reason })

export const badConfig = (problem: string): Either.Either<never, ConfigProblem> =>
  Either.left({ _tag: "BadConfig", problem })

/** Far above any real size, far below where products of two stop being exact. */
const MAX_SIZE = 2 ** 26

/** A number of things of which there is at least one. */
export const size = Schema.Int.pipe(Schema.between(1, MAX_SIZE))

export const positive = Schema.Number.pipe(Schema.finite(), Schema.greaterThan(0))

/** A field that may be missing or null. */
export const nullish = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optionalWith(Schema.NullOr(schema), { exact: true })

/** Part of a config as it was parsed. */
export const Section = Schema.Record({ key: Schema.String, value: Schema.Unknown })
export type Section = typeof Section.Type

/** Decodes the fields that a schema names; others are ignored. `prefix` is the path of `value` inside config.json. */
export const decodeFields = <A, I>(
  schema: Schema.Schema<A, I>,
  value: unknown,
  prefix = ""
): Either.Either<A, ConfigProblem> =>
  Either.mapLeft(Schema.decodeUnknownEither(schema)(value), (error): ConfigProblem => {
    const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
    return {
      _tag: "BadConfig",
      problem: `${prefix}${issue?.path.join(".") ?? ""}: ${excerpt(issue?.message ?? "bad value")}`
    }
  })
