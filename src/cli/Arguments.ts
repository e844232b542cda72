/**
 * The strict check of the command line, with the rules of Python's argparse (spec 01 §1.3): prefixes of long options,
 * `--name value` and `--name=value`, options anywhere, `--`. What passes is handed on in canonical form. Pure.
 */
import { Either } from "effect"
import { UsageError } from "../domain/Errors.js"
import type { CommandDescription } from "./CommandFile.js"
import {
  commandFlags,
  commandHelp,
  commandPath,
  HELP_FLAG,
  isPositional,
  JSON_FLAG,
  PROGRAM,
  rootFlags,
  rootHelp,
  rootUsageLine,
  usageLine,
  VERSION_FLAG
} from "./Help.js"
import { canonicalName, type Flag, marked } from "./Parameter.js"

/** What the user asks for. `canonical` is `[--option, =value, …, "--", =positional, …]`. */
export type Request =
  | { readonly _tag: "Help"; readonly text: string }
  | { readonly _tag: "Version"; readonly json: boolean }
  | { readonly _tag: "Nothing"; readonly json: boolean }
  | {
      readonly _tag: "Invoke"
      readonly command: CommandDescription
      readonly json: boolean
      readonly canonical: ReadonlyArray<string>
    }

/** Why the command line is not understood, and the program that says so: `mlxk2`, or `mlxk2 show`. */
export interface Refusal {
  readonly error: UsageError
  readonly program: string
}

/** How one argument reads, before its value is looked for. */
type Token =
  | { readonly _tag: "Positional" }
  | { readonly _tag: "Unknown" }
  | { readonly _tag: "Ambiguous"; readonly candidates: ReadonlyArray<Flag> }
  | { readonly _tag: "Flag"; readonly flag: Flag; readonly explicit: string | null; readonly short: boolean }

const NEGATIVE_NUMBER = /^-\d+$|^-\d*\.\d+(?:e[+-]?\d+)?$|^-\d+\.?\d*e[+-]?\d+$/i

const shown = (flag: Flag): string => (flag.short === null ? `--${flag.name}` : `-${flag.short}/--${flag.name}`)

const longFlags = (argument: string, flags: ReadonlyArray<Flag>): Token | null => {
  const equals = argument.indexOf("=")
  const spelled = equals < 0 ? argument : argument.slice(0, equals)
  const explicit = equals < 0 ? null : argument.slice(equals + 1)
  const exact = flags.filter(({ name }) => `--${name}` === spelled)
  const candidates = exact.length > 0 ? exact : flags.filter(({ name }) => `--${name}`.startsWith(spelled))
  const [flag] = candidates
  if (flag === undefined) return null
  return candidates.length > 1 ? { _tag: "Ambiguous", candidates } : { _tag: "Flag", flag, explicit, short: false }
}

const shortFlag = (argument: string, flags: ReadonlyArray<Flag>): Token | null => {
  const flag = flags.find(({ short }) => short === argument[1])
  if (flag === undefined) return null
  return { _tag: "Flag", flag, explicit: argument.length > 2 ? argument.slice(2) : null, short: true }
}

/** A lone dash, a negative number, and a text with a space that is no option, are values (argparse's rules). */
const read = (argument: string, flags: ReadonlyArray<Flag>): Token => {
  if (!argument.startsWith("-") || argument === "-") return { _tag: "Positional" }
  const token = argument.startsWith("--") ? longFlags(argument, flags) : shortFlag(argument, flags)
  if (token !== null) return token
  return NEGATIVE_NUMBER.test(argument) || argument.includes(" ") ? { _tag: "Positional" } : { _tag: "Unknown" }
}

/** What a level collects. A repeated option counts once, its last value wins. */
interface Collected {
  readonly values: Map<string, string | null>
  readonly positionals: Array<string>
  readonly unknown: Array<string>
  /** Where the collecting stopped, for the level below. */
  next: number
}

interface Level {
  readonly flags: ReadonlyArray<Flag>
  readonly usage: string
  readonly program: string
  /** Stop at the first positional: it names the command. */
  readonly stopAtPositional: boolean
  /** Further positionals are unknown arguments. */
  readonly maxPositionals: number
}

type FlagToken = Extract<Token, { readonly _tag: "Flag" }>

/** Takes an option and its value, which may be the next argument. The right side is the flag's value, null for a switch. */
const take = (
  { explicit, flag, short }: FlagToken,
  queue: Array<string>,
  flags: ReadonlyArray<Flag>
): Either.Either<string | null, string> => {
  if (flag._tag === "Value") {
    const [following] = queue
    const isValue = following !== undefined && following !== "--" && read(following, flags)._tag === "Positional"
    const given = explicit ?? (isValue ? queue.shift() : undefined)
    if (given === undefined) return Either.left(`argument ${shown(flag)}: expected one argument`)
    return Either.mapBoth(flag.read(given), {
      onLeft: (complaint) => `argument ${shown(flag)}: ${complaint}`,
      onRight: () => given
    })
  }
  if (explicit === null) return Either.right(null)
  // `-fx` is `-f -x` when there is a -x; nothing else may be glued to a switch.
  const glued = short && flags.some((other) => other.short === explicit[0])
  if (!glued) return Either.left(`argument ${shown(flag)}: ignored explicit argument '${explicit}'`)
  queue.unshift(`-${explicit}`)
  return Either.right(null)
}

const refuse = ({ program, usage }: Pick<Level, "program" | "usage">, message: string) =>
  Either.left<Refusal>({ error: new UsageError({ message, usage }), program })

/** Runs over the arguments of one level; the first fault ends it, and so does a wish for help. */
const collect = (argv: ReadonlyArray<string>, level: Level): Either.Either<Collected, Refusal> => {
  const done: Collected = { values: new Map(), positionals: [], unknown: [], next: argv.length }
  const queue = [...argv]
  let ended = false
  for (let argument = queue.shift(); argument !== undefined; argument = queue.shift()) {
    if (!ended && argument === "--") {
      ended = true
      continue
    }
    const token: Token = ended ? { _tag: "Positional" } : read(argument, level.flags)
    switch (token._tag) {
      case "Positional": {
        const fitting = done.positionals.length < level.maxPositionals ? done.positionals : done.unknown
        fitting.push(argument)
        done.next = argv.length - queue.length
        if (level.stopAtPositional) return Either.right(done)
        break
      }
      case "Unknown": {
        done.unknown.push(argument)
        break
      }
      case "Ambiguous": {
        const names = token.candidates.map(({ name }) => `--${name}`).join(", ")
        return refuse(level, `ambiguous option: ${argument} could match ${names}`)
      }
      case "Flag": {
        const taken = take(token, queue, level.flags)
        if (Either.isLeft(taken)) return refuse(level, taken.left)
        done.values.set(token.flag.name, taken.right)
        if (token.flag === HELP_FLAG) return Either.right(done)
      }
    }
  }
  return Either.right(done)
}

/** What must be there and is not: names, and for switches why; null when nothing is missing. */
const missing = (command: CommandDescription, { positionals, values }: Collected): string | null => {
  const names = command.shapes
    .filter(isPositional)
    .filter(({ count }, index) => count === "one" && index >= positionals.length)
    .map(({ name }) => name)
  const switches = command.shapes.flatMap((shape) =>
    shape._tag === "Switch" && shape.demanded !== undefined && !values.has(shape.name) ? [shape] : []
  )
  const all = [...names, ...switches.map(({ name }) => `--${name}`)]
  if (all.length === 0) return null
  const reasons = switches.map(({ demanded }) => `; ${demanded}`)
  return `the following arguments are required: ${all.join(", ")}${reasons.join("")}`
}

const positionalLimit = (command: CommandDescription): number => {
  const positionals = command.shapes.filter(isPositional)
  return positionals.some(({ count }) => count === "many") ? Number.POSITIVE_INFINITY : positionals.length
}

const canonical = (values: Collected["values"], positionals: ReadonlyArray<string>) => [
  ...[...values].flatMap(([name, value]) => [`--${canonicalName(name)}`, ...(value === null ? [] : [marked(value)])]),
  "--",
  ...positionals.map(marked)
]

/** Understands `argv` (without the program), or says in argparse's words why not. */
export const parseArguments = (
  argv: ReadonlyArray<string>,
  commands: ReadonlyArray<CommandDescription>
): Either.Either<Request, Refusal> =>
  Either.gen(function* () {
    const top: Level = {
      flags: rootFlags,
      usage: rootUsageLine(commands),
      program: PROGRAM,
      stopAtPositional: true,
      maxPositionals: 1
    }
    const root = yield* collect(argv, top)
    if (root.values.has(HELP_FLAG.name)) return { _tag: "Help", text: rootHelp(commands) }
    const json = root.values.has(JSON_FLAG.name)
    const version = root.values.has(VERSION_FLAG.name)
    const [name] = root.positionals
    if (name === undefined) {
      if (root.unknown.length > 0) return yield* refuse(top, `unrecognized arguments: ${root.unknown.join(" ")}`)
      return version ? { _tag: "Version", json } : { _tag: "Nothing", json }
    }
    const command = commands.find((candidate) => candidate.name === name)
    if (command === undefined) {
      const known = commands.map((candidate) => `'${candidate.name}'`).join(", ")
      return yield* refuse(top, `argument command: invalid choice: '${name}' (choose from ${known})`)
    }
    const level: Level = {
      flags: commandFlags(command),
      usage: usageLine(command),
      program: commandPath(command),
      stopAtPositional: false,
      maxPositionals: positionalLimit(command)
    }
    const own = yield* collect(argv.slice(root.next), level)
    if (own.values.has(HELP_FLAG.name)) return { _tag: "Help", text: commandHelp(command) }
    const lacking = missing(command, own)
    if (lacking !== null) return yield* refuse(level, lacking)
    const unknown = [...root.unknown, ...own.unknown]
    if (unknown.length > 0) return yield* refuse(top, `unrecognized arguments: ${unknown.join(" ")}`)
    if (json) own.values.set(JSON_FLAG.name, null)
    const wantsJson = own.values.has(JSON_FLAG.name)
    return version
      ? { _tag: "Version", json: wantsJson }
      : { _tag: "Invoke", command, json: wantsJson, canonical: canonical(own.values, own.positionals) }
  })
