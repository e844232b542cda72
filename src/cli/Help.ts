/** Usage lines and help texts of the command line, from the descriptions. Plain text, argparse's layout. Pure. */
import type { CommandDescription } from "./CommandFile.js"
import { wrap } from "./Format.js"
import type { Flag, Positional, Shape } from "./Parameter.js"

/** Fixed, whatever name the program is invoked by (spec 01 §1.1). */
export const PROGRAM = "mlxk2"

const WIDTH = 100
const HELP_COLUMN = 24

/** The options of every level: help, and on the top level the version. */
export const HELP_FLAG: Flag = { _tag: "Switch", name: "help", short: "h", help: "show this help message and exit" }
export const VERSION_FLAG: Flag = {
  _tag: "Switch",
  name: "version",
  short: null,
  help: "Show version information and exit"
}
export const JSON_FLAG: Flag = { _tag: "Switch", name: "json", short: null, help: "Output in JSON format" }

const isFlag = (shape: Shape): shape is Flag => shape._tag !== "Positional"
export const isPositional = (shape: Shape): shape is Positional => shape._tag === "Positional"

export const commandFlags = (command: CommandDescription): ReadonlyArray<Flag> => [
  HELP_FLAG,
  ...command.shapes.filter(isFlag)
]
export const rootFlags: ReadonlyArray<Flag> = [HELP_FLAG, VERSION_FLAG, JSON_FLAG]

const metavar = (flag: Flag): string =>
  flag._tag === "Value" ? ` ${flag.name.toUpperCase().replaceAll("-", "_")}` : ""

const shortUsage = (flag: Flag): string => {
  const spelled = `${flag.short === null ? `--${flag.name}` : `-${flag.short}`}${metavar(flag)}`
  return flag._tag === "Switch" && flag.demanded !== undefined ? spelled : `[${spelled}]`
}

const positionalUsage = ({ count, name }: Positional): string =>
  ({ one: name, optional: `[${name}]`, many: `[${name} ...]` })[count]

const choices = (commands: ReadonlyArray<CommandDescription>): string =>
  `{${commands.map(({ name }) => name).join(",")}}`

const rootUsage = (commands: ReadonlyArray<CommandDescription>): ReadonlyArray<string> => [
  `usage: ${PROGRAM}`,
  ...rootFlags.map(shortUsage),
  `${choices(commands)} ...`
]

/** How a command is called, as its usage and its complaints begin. */
export const commandPath = ({ name }: CommandDescription): string => `${PROGRAM} ${name}`

const commandUsage = (command: CommandDescription): ReadonlyArray<string> => [
  `usage: ${commandPath(command)}`,
  ...commandFlags(command).map(shortUsage),
  ...command.shapes.filter(isPositional).map(positionalUsage)
]

/** The usage of a command, or of the program, on one line. */
export const usageLine = (command: CommandDescription): string => commandUsage(command).join(" ")
export const rootUsageLine = (commands: ReadonlyArray<CommandDescription>): string => rootUsage(commands).join(" ")

/** Continued under the first option. */
const wrapUsage = ([start = "", ...parts]: ReadonlyArray<string>): string =>
  `${start} ${wrap(parts, WIDTH - start.length - 1).join(`\n${" ".repeat(start.length + 1)}`)}`

const row = (left: string, help: string): string =>
  left.length + 2 > HELP_COLUMN ? `${left}\n${" ".repeat(HELP_COLUMN)}${help}` : `${left.padEnd(HELP_COLUMN)}${help}`

const flagRow = (flag: Flag): string => {
  const long = `--${flag.name}${metavar(flag)}`
  return row(`  ${flag.short === null ? long : `-${flag.short}${metavar(flag)}, ${long}`}`, flag.help)
}

const section = (title: string, rows: ReadonlyArray<string>): string =>
  rows.length === 0 ? "" : `\n${title}:\n${rows.join("\n")}\n`

/** The help of one command (spec 01 §1.4). */
export const commandHelp = (command: CommandDescription): string =>
  [
    `${wrapUsage(commandUsage(command))}\n`,
    `\n${command.about}\n`,
    section(
      "positional arguments",
      command.shapes.filter(isPositional).map(({ help, name }) => row(`  ${name}`, help))
    ),
    section("options", commandFlags(command).map(flagRow))
  ].join("")

/** The help of the program. */
export const rootHelp = (commands: ReadonlyArray<CommandDescription>): string =>
  [
    `${wrapUsage(rootUsage(commands))}\n`,
    "\nMLX-Knife - HuggingFace model management for MLX\n",
    section("positional arguments", [
      row(`  ${choices(commands)}`, "Available commands"),
      ...commands.map(({ about, name }) => row(`    ${name}`, about))
    ]),
    section("options", rootFlags.map(flagRow)),
    "\nModels you download come from third parties and have licences of their own.\n"
  ].join("")
