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
      `usage: mlxk2 list [-h] [--all] [--health] [--verbose] [--json] [pattern]

List all cached models

positional arguments:
  pattern               Show only models whose name contains this text

options:
  -h, --help            show this help message and exit
  --all                 Show every model, whatever its framework and type
  --health              Show whether each model is whole and can be run
  --verbose             Show full names and more columns
  --json                Output in JSON format
`
    )
  })

  it("of the program", () => {
    assert.strictEqual(
      rootHelp(descriptions),
      `usage: mlxk2 [-h] [--version] [--json] {list,health,show,run,serve,server} ...

MLX-Knife - HuggingFace model management for MLX

positional arguments:
  {list,health,show,run,serve,server}
                        Available commands
    list                List all cached models
    health              Check model health
    show                Show detailed model information
    run                 Run model with prompt
    serve               Start OpenAI-compatible API server
    server              Start OpenAI-compatible API server (alias for serve)

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
