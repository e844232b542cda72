import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { VERSION } from "../../src/cli/Version.js"
import { run, start } from "../support/Program.js"

const COMMAND = ["--import", "tsx", join(import.meta.dirname, "../../src/bin.ts")]
const SCRIPTED = ["--import", "tsx", join(import.meta.dirname, "scriptedProgram.ts")]
const MODELS = 1500
/** Names so long that the list is many times what a pipe holds. */
const NAME = "x".repeat(150)

let home = ""
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "mlxk-cli-"))
  for (let index = 0; index < MODELS; index++) {
    mkdirSync(join(home, "hub", `models--org--${NAME}${index}`), { recursive: true })
  }
})
afterAll(() => rmSync(home, { recursive: true }))

const options = () => ({ env: { HF_HOME: home, HOME: home } })

describe("the process", () => {
  it("delivers all of a large answer to a pipe", async () => {
    const { code, stdout } = await run(process.execPath, [...COMMAND, "list", "--json"], options())
    assert.strictEqual(code, 0)
    assert.isAbove(stdout.length, 500_000)
    assert.strictEqual(JSON.parse(stdout).data.count, MODELS)
  })

  it("ends quietly when its reader leaves", async () => {
    const started = start(process.execPath, [...COMMAND, "list", "--json"], { ...options(), stdin: "" })
    started.process.stdout.once("data", () => started.process.stdout.destroy())
    const { code, stderr } = await started.ended
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
  })

  it.skipIf(!existsSync("/dev/full"))("says that a full disk has not taken the result", async () => {
    const shell = (args: string) =>
      run(
        "/bin/sh",
        ["-c", `"${process.execPath}" ${COMMAND.map((part) => `"${part}"`).join(" ")} ${args} > /dev/full`],
        options()
      )
    for (const args of ["list --json", "list --all", "--help", "--version"]) {
      const { code, stderr } = await shell(args)
      assert.strictEqual(code, 1, args)
      assert.match(stderr, /^Error: Cannot write the result \(ENOSPC\)[^\n]*\n$/, args)
    }
  })

  it("says its version to a reader that has left", async () => {
    const started = start(process.execPath, [...COMMAND, "--version"], { ...options(), stdin: "" })
    started.process.stdout.destroy()
    const { code, stderr } = await started.ended
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
  })

  it("sets the exit code of a failure after everything is written", async () => {
    const { code, stdout } = await run(process.execPath, [...COMMAND, "show", NAME, "--json"], options())
    assert.strictEqual(code, 1)
    assert.strictEqual(JSON.parse(stdout).error.matches.length, MODELS)
  })

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("stops serving on %s with 0", async (signal) => {
    const server = start(process.execPath, [...COMMAND, "serve", "--port", "0", "--json"], options())
    await server.said(/"status": "starting"[\s\S]*\n\}\n/)
    server.process.kill(signal)
    const { code } = await server.ended
    assert.strictEqual(code, 0)
  })

  it.each([
    ["that says goodbye", "one\ntwo\nexit\n", "You: Goodbye!\n"],
    ["that just ends", "one\ntwo\n", "You: \nGoodbye!\n"],
    ["without a last newline", "one\ntwo", "You: \nGoodbye!\n"]
  ])("chats over a pipe %s", async (_, stdin, ending) => {
    const { code, stderr, stdout } = await run(process.execPath, [...SCRIPTED, "run", "org/echo"], {
      ...options(),
      stdin
    })
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
    const turns = ["one", "two"].map((words) => `You: \nAssistant: echo ${words}\n\n`).join("")
    assert.strictEqual(stdout, `Starting interactive chat. Type 'exit' or 'quit' to end.\n\n${turns}${ending}`)
  })

  it("answers --version", async () => {
    assert.strictEqual((await run(process.execPath, [...COMMAND, "--version"])).stdout, `bin ${VERSION}\n`)
  })
})
