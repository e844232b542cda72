import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { parseArguments } from "../../src/cli/Arguments.js"
import { commands } from "../../src/cli/Commands.js"

const descriptions = commands.map(({ description }) => description)
const parse = (argv: ReadonlyArray<string>) =>
  Either.mapLeft(parseArguments(argv, descriptions), ({ error, program }) => {
    assert.isTrue(error.usage.startsWith(`usage: ${program} [-h]`))
    return error
  })
const choices = descriptions.map(({ name }) => `'${name}'`).join(", ")

const ROOT = "usage: mlxk2 [-h] [--version] [--json] {"

describe("what can't be understood", () => {
  const faults: ReadonlyArray<readonly [argv: string, message: string, usage: string]> = [
    ["frobnicate", `argument command: invalid choice: 'frobnicate' (choose from ${choices})`, ROOT],
    ["--json frobnicate", `argument command: invalid choice: 'frobnicate' (choose from ${choices})`, ROOT],
    ["--version frobnicate", `argument command: invalid choice: 'frobnicate' (choose from ${choices})`, ROOT],
    ["fetch model", `argument command: invalid choice: 'fetch' (choose from ${choices})`, ROOT],
    ["LIST", `argument command: invalid choice: 'LIST' (choose from ${choices})`, ROOT],
    ["--frob", "unrecognized arguments: --frob", ROOT],
    ["--frob list", "unrecognized arguments: --frob", ROOT],
    ["list --frob", "unrecognized arguments: --frob", ROOT],
    ["list --frob=1 -a", "unrecognized arguments: --frob=1 -a", ROOT],
    ["list a b", "unrecognized arguments: b", ROOT],
    ["list a b --frob c", "unrecognized arguments: b --frob c", ROOT],
    ["--frob list a --all b", "unrecognized arguments: --frob b", ROOT],
    ["list --version", "unrecognized arguments: --version", ROOT],
    ["show m --recalc-hash", "unrecognized arguments: --recalc-hash", ROOT],
    ["list --LIMIT 4", "unrecognized arguments: --LIMIT", ROOT],
    ["list --wizard", "unrecognized arguments: --wizard", ROOT],
    ["list --completions bash", "unrecognized arguments: --completions", ROOT],
    ["--json=1", "argument --json: ignored explicit argument '1'", ROOT],
    ["list --json=yes", "argument --json: ignored explicit argument 'yes'", "usage: mlxk2 list [-h]"],
    ["list --all=", "argument --all: ignored explicit argument ''", "usage: mlxk2 list [-h]"],
    ["list -hx", "argument -h/--help: ignored explicit argument 'x'", "usage: mlxk2 list [-h]"],
    [
      "push",
      "the following arguments are required: local_dir, repo_id, --private; push wants to be told that the target is a private repo",
      "usage: mlxk2 push [-h] [--create] --private"
    ],
    ["show", "the following arguments are required: model", "usage: mlxk2 show [-h] [--files]"],
    ["run", "the following arguments are required: model", "usage: mlxk2 run [-h]"],
    ["show --frob", "the following arguments are required: model", "usage: mlxk2 show [-h]"],
    [
      "run m --no-",
      "ambiguous option: --no- could match --no-stream, --no-chat-template, --no-reasoning",
      "usage: mlxk2 run"
    ],
    ["run m --max-tokens", "argument --max-tokens: expected one argument", "usage: mlxk2 run"],
    ["run m --max-tokens --json", "argument --max-tokens: expected one argument", "usage: mlxk2 run"],
    ["run m --max-tokens -- 5", "argument --max-tokens: expected one argument", "usage: mlxk2 run"],
    ["run m --max-tokens abc", "argument --max-tokens: invalid int value: 'abc'", "usage: mlxk2 run"],
    ["run m --max-tokens=", "argument --max-tokens: invalid int value: ''", "usage: mlxk2 run"],
    ["run m --max-tokens 1.5", "argument --max-tokens: invalid int value: '1.5'", "usage: mlxk2 run"],
    ["run m --max-tokens 1e400", "argument --max-tokens: invalid int value: '1e400'", "usage: mlxk2 run"],
    ["run m --max-tokens 0", "argument --max-tokens: must be at least 1, not 0", "usage: mlxk2 run"],
    ["run m --max-tokens -3", "argument --max-tokens: must be at least 1, not -3", "usage: mlxk2 run"],
    ["run m --temperature nan", "argument --temperature: invalid float value: 'nan'", "usage: mlxk2 run"],
    ["run m --temperature -0.1", "argument --temperature: must be at least 0, not -0.1", "usage: mlxk2 run"],
    ["run m --temperature=2.5", "argument --temperature: must be at most 2, not 2.5", "usage: mlxk2 run"],
    ["run m --top-p 0", "argument --top-p: must be greater than 0, not 0", "usage: mlxk2 run"],
    ["run m --top-p 1.1", "argument --top-p: must be at most 1, not 1.1", "usage: mlxk2 run"],
    [
      "run m --repetition-penalty 0",
      "argument --repetition-penalty: must be greater than 0, not 0",
      "usage: mlxk2 run"
    ],
    ["run m --seed x", "argument --seed: invalid int value: 'x'", "usage: mlxk2 run"],
    ["serve --port http", "argument --port: invalid int value: 'http'", "usage: mlxk2 serve"],
    ["serve --port 65536", "argument --port: must be at most 65535, not 65536", "usage: mlxk2 serve"],
    ["serve --port -1", "argument --port: must be at least 0, not -1", "usage: mlxk2 serve"],
    ["server --max-tokens 0", "argument --max-tokens: must be at least 1, not 0", "usage: mlxk2 server"],
    [
      "serve --log-level loud",
      "argument --log-level: invalid choice: 'loud' (choose from debug, info, warning, error)",
      "usage: mlxk2 serve"
    ]
  ]
  it.each(faults)("%s", (argv, message, usage) => {
    const fault = Either.flip(parse(argv.split(" "))).pipe(Either.getOrThrow)
    assert.strictEqual(fault.message, message)
    assert.isTrue(fault.usage.startsWith(usage), fault.usage)
  })
})

describe("what is asked for", () => {
  const invocations: ReadonlyArray<readonly [argv: ReadonlyArray<string>, canonical: string]> = [
    [["list"], "--"],
    [["list", "--verb"], "--verbose --"],
    [["list", "x", "--json"], "--json -- =x"],
    [["--json", "list"], "--json --"],
    [["list", "--", "--json"], "-- =--json"],
    [["list", "--", "--"], "-- =--"],
    [["list", ""], "-- ="],
    [["list", "-"], "-- =-"],
    [["list", "-1"], "-- =-1"],
    [["list", "- a b"], "-- =- a b"],
    [["list", "list"], "-- =list"],
    [["list", "--all", "--all"], "--all --"],
    [["--version", "list"], ""],
    [["show", "--files", "m@abc"], "--files -- =m@abc"],
    [["run", "m", "--no-stream", "two", "words"], "--no_stream -- =m =two =words"],
    [["run", "--max-tokens=5", "m", "--max-tokens", "7"], "--max_tokens =7 -- =m"],
    [["run", "m", "--temp", "0"], "--temperature =0 -- =m"],
    [["run", "m", "--prompt", "-5"], "--prompt =-5 -- =m"],
    [["run", "m", "--prompt=--help"], "--prompt =--help -- =m"],
    [["run", "m", "--prompt", "a=b"], "--prompt =a=b -- =m"],
    [["serve", "--log-level", "WARN"], "--log_level =WARN --"]
  ]
  it.each(invocations)("%j", (argv, canonical) => {
    const request = Either.getOrThrow(parse(argv))
    if (canonical === "") return assert.deepStrictEqual(request, { _tag: "Version", json: false })
    assert.strictEqual(request._tag, "Invoke")
    if (request._tag !== "Invoke") return
    assert.strictEqual(request.canonical.join(" "), canonical)
    assert.strictEqual(request.json, canonical.includes("--json --"))
  })

  it("help wins over what follows it, not over a fault before it", () => {
    for (const argv of [
      ["-h"],
      ["--help", "--frob"],
      ["--he"],
      ["list", "-h", "--frob"],
      ["show", "--help", "--json"]
    ]) {
      assert.strictEqual(Either.getOrThrow(parse(argv))._tag, "Help", argv.join(" "))
    }
    assert.isTrue(Either.isLeft(parse(["list", "--json=1", "-h"])))
  })

  it("nothing at all", () => {
    assert.deepStrictEqual(parse([]), Either.right({ _tag: "Nothing", json: false }))
    assert.deepStrictEqual(parse(["--json"]), Either.right({ _tag: "Nothing", json: true }))
  })
})
