/** What a command file exports: its description, and the `@effect/cli` command that runs it on canonical arguments. */
import * as Command from "@effect/cli/Command"
import { type Effect, Record, type Types } from "effect"
import type { AnyParameter, Shape } from "./Parameter.js"
import { VERSION } from "./Version.js"

/** The part of a command that the check of the arguments and the help read. */
export interface CommandDescription {
  readonly name: string
  /** Its name in the JSON documents: `serve` also for the alias `server` (spec 01 §13.9). */
  readonly documentName: string
  readonly about: string
  readonly shapes: ReadonlyArray<Shape>
  /** Exit code after a signal; null for 128 and the signal's number. */
  readonly signalExit: number | null
}

type Parameters = Readonly<Record<string, AnyParameter>>
type Parsers<P extends Parameters> = { readonly [Key in keyof P]: P[Key]["parser"] }

/** The values of all parameters, by key. */
export type Values<P extends Parameters> = Types.Simplify<Command.Command.ParseConfig<Parsers<P>>>

/** Two signatures, because no typed `map` over a record keeps the type of every key. */
function parsers<P extends Parameters>(parameters: P): Parsers<P>
function parsers(parameters: Parameters): Parsers<Parameters> {
  return Record.map(parameters, ({ parser }) => parser)
}

export interface CommandOptions<P extends Parameters> {
  readonly about: string
  /** In the order of the help; positionals in their own order. */
  readonly parameters: P
  readonly documentName?: string
  readonly signalExit?: number
}

/** Joins a description and its handler into one command. */
export const command = <Name extends string, P extends Parameters, E, R>(
  name: Name,
  { about, documentName = name, parameters, signalExit }: CommandOptions<P>,
  handler: (values: Values<P>) => Effect.Effect<void, E, R>
) => ({
  description: {
    name,
    documentName,
    about,
    shapes: Object.values(parameters).map(({ shape }) => shape),
    signalExit: signalExit ?? null
  } satisfies CommandDescription,
  run: Command.run(Command.make(name, parsers(parameters), handler), { name, version: VERSION, executable: name })
})
