import { assert, describe, it } from "@effect/vitest"
import { commands } from "../../src/cli/Commands.js"
import { list } from "../../src/cli/commands/List.js"
import { run } from "../../src/cli/commands/Run.js"
import { commandFlags, commandHelp, rootHelp, usageLine } from "../../src/cli/Help.js"

const descriptions = commands.map(({ description }) => description)

describe("help", () => {
  it("of a command", () => {
    assert.strictEqual(
      commandHelp(list.description),
      `usage: mlxk2 list [-h] [--all] [--health] [--verbose] [--sort SORT] [--filter FILTER] [--quiet]
                  [--null] [--json] [pattern]

List all cached models

positional arguments:
  pattern               Show only models whose name contains this text

options:
  -h, --help            show this help message and exit
  --all                 Show every model, whatever its framework and type
  --health              Show whether each model is whole and can be run
  --verbose             Show full names and more columns
  --sort SORT           Order: name (default), size or modified
  --filter FILTER       Conditions, such as 'size>5g,modified<7d,framework=MLX'
  --quiet               Print full names only, one per line
  --null                The same, each name ended by a NUL character
  --json                Output in JSON format
`
    )
  })

  it("of the program", () => {
    assert.strictEqual(
      rootHelp([list, run].map(({ description }) => description)),
      `usage: mlxk2 [-h] [--version] [--json] {list,run} ...

MLX-Knife - HuggingFace model management for MLX

positional arguments:
  {list,run}            Available commands
    list                List all cached models
    run                 Run model with prompt

options:
  -h, --help            show this help message and exit
  --version             Show version information and exit
  --json                Output in JSON format

Models you download come from third parties and have licences of their own.
`
    )
  })

  it.each(descriptions)("of $name names every option and fits the width", (description) => {
    const text = commandHelp(description)
    for (const { name } of commandFlags(description)) assert.include(text, `--${name}`)
    for (const line of text.split("\n")) assert.isAtMost(line.length, 110, line)
  })

  it("a long usage is one line in an error and wrapped in the help", () => {
    const usage = usageLine(run.description)
    assert.notInclude(usage, "\n")
    assert.include(usage, "model [prompt ...]")
    assert.isTrue(commandHelp(run.description).startsWith("usage: mlxk2 run [-h] [--prompt PROMPT]"))
    assert.include(commandHelp(run.description), "\n                 [--")
  })
})
