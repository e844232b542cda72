/**
 * Options and positionals of a command: one description from which come the strict check of the arguments, the help and the
 * `@effect/cli` parser.
 */
import * as Args from "@effect/cli/Args"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import { Effect, Either } from "effect"

/** Reads one value; the left side is the complaint after `argument --name: `. */
export type Reader<A> = (text: string) => Either.Either<A, string>

export interface Range {
  readonly min?: number
  readonly max?: number
  /** The lower bound itself is not allowed. */
  readonly above?: number
}

const outside = (value: number, { above, max, min }: Range): string | null => {
  if (above !== undefined && value <= above) return `must be greater than ${above}, not ${value}`
  if (min !== undefined && value < min) return `must be at least ${min}, not ${value}`
  if (max !== undefined && value > max) return `must be at most ${max}, not ${value}`
  return null
}

const number =
  (kind: "int" | "float", grammar: RegExp, range: Range): Reader<number> =>
  (text) => {
    const value = Number(text)
    const valid = grammar.test(text) && (kind === "int" ? Number.isSafeInteger(value) : Number.isFinite(value))
    if (!valid) return Either.left(`invalid ${kind} value: '${text}'`)
    const problem = outside(value, range)
    return problem === null ? Either.right(value) : Either.left(problem)
  }

export const integer = (range: Range = {}): Reader<number> => number("int", /^[+-]?\d+$/, range)

export const float = (range: Range = {}): Reader<number> =>
  number("float", /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i, range)

export const text: Reader<string> = Either.right

/** A text that says something: an empty variable of a script is a mistake, not a value. */
export const filled: Reader<string> = (given) =>
  given.trim() === "" ? Either.left("must not be empty") : Either.right(given)

/** What the check and the help need to know. */
export type Shape =
  | {
      readonly _tag: "Switch"
      readonly name: string
      readonly short: string | null
      readonly help: string
      /** Why it must be given, one clause; absent for a switch that may be left out. */
      readonly demanded?: string
    }
  | {
      readonly _tag: "Value"
      readonly name: string
      readonly short: string | null
      readonly help: string
      readonly read: Reader<unknown>
    }
  | {
      readonly _tag: "Positional"
      readonly name: string
      readonly help: string
      readonly count: "one" | "optional" | "many"
    }
export type Flag = Extract<Shape, { readonly short: string | null }>
export type Positional = Exclude<Shape, Flag>

/** A described parameter and the parser of its canonical form. */
export interface Parameter<P extends Options.Options<unknown> | Args.Args<unknown>> {
  readonly shape: Shape
  readonly parser: P
}
export type AnyParameter = Parameter<Options.Options<unknown> | Args.Args<unknown>>

/**
 * The checked arguments are handed to `@effect/cli` in a canonical form that it can't misread: a value carries a mark, so
 * that none looks like an option or a command (`list -- --json`), and a name is written with `_`, so that none is one of its
 * own built-in options (`--log-level`).
 */
export const marked = (value: string): string => `=${value}`
const unmarked = (value: string): string => value.slice(1)
export const canonicalName = (name: string): string => name.replaceAll("-", "_")

/** An option without a value. */
export const toggle = (
  name: string,
  help: string,
  short: string | null = null
): Parameter<Options.Options<boolean>> => ({
  shape: { _tag: "Switch", name, short, help },
  parser: Options.boolean(canonicalName(name))
})

/** A switch that must be given: the user's word for something that isn't done by accident. */
export const demanded = (name: string, help: string, why: string): Parameter<Options.Options<boolean>> => ({
  shape: { _tag: "Switch", name, short: null, help, demanded: why },
  parser: Options.boolean(name)
})

/** An option with a value; null when it isn't given. */
export const value = <A>(
  name: string,
  read: Reader<A>,
  help: string,
  short: string | null = null
): Parameter<Options.Options<A | null>> => ({
  shape: { _tag: "Value", name, short, help, read },
  parser: Options.text(canonicalName(name)).pipe(
    Options.mapEffect((given) =>
      Effect.mapError(read(unmarked(given)), (complaint) => ValidationError.invalidValue(HelpDoc.p(complaint)))
    ),
    Options.withDefault(null)
  )
})

const argument = (name: string) => Args.map(Args.text({ name }), unmarked)

/** A positional that must be there. */
export const required = (name: string, help: string): Parameter<Args.Args<string>> => ({
  shape: { _tag: "Positional", name, help, count: "one" },
  parser: argument(name)
})

/** A positional that may be left out, then null. */
export const optional = (name: string, help: string): Parameter<Args.Args<string | null>> => ({
  shape: { _tag: "Positional", name, help, count: "optional" },
  parser: Args.withDefault(argument(name), null)
})

/** All further positionals. */
export const rest = (name: string, help: string): Parameter<Args.Args<ReadonlyArray<string>>> => ({
  shape: { _tag: "Positional", name, help, count: "many" },
  parser: Args.repeated(argument(name))
})

/** Every command has it (spec 01 §1.3(4)). */
export const json = toggle("json", "Output in JSON format")
