/** Signals, pipes and sudden deaths, with the built command and real processes. */

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { layEndless, ENDLESS as MODEL } from "../support/Endless.js"
import { noEngine } from "../support/Native.js"
import { childrenOf, gone } from "../support/Processes.js"
import { endAll, run, start } from "../support/Program.js"

const MLXK = fileURLToPath(new URL("../../dist/mlxk.cjs", import.meta.url))
let home: string

const mlxk = (...args: ReadonlyArray<string>) => start(process.execPath, [MLXK, ...args], { env: { HF_HOME: home } })

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "mlxk-lifecycle-"))
  layEndless(home)
})
afterAll(() => {
  endAll()
  rmSync(home, { recursive: true, force: true })
})

/** A `run` that has begun to answer and would go on for hours. */
const answering = async () => {
  const program = mlxk("run", MODEL, "Tell me everything.", "--temperature", "1.5", "--top-p", "1")
  await program.said(/\S/)
  const pid = program.process.pid ?? 0
  return { ...program, pid, engines: childrenOf(pid) }
}

describe.skipIf(noEngine)("an answer that is being given", () => {
  it("ends with 130 at Ctrl-C, and no engine is left", async () => {
    const { ended, engines, process } = await answering()
    assert.lengthOf(engines, 1)
    process.kill("SIGINT")
    assert.strictEqual((await ended).code, 130)
    await gone(engines)
  })

  it("ends with a typed error when the engine is killed, and the next run works", async () => {
    const { ended, engines } = await answering()
    for (const engine of engines) process.kill(engine, "SIGKILL")
    const { code, stderr } = await ended
    assert.strictEqual(code, 1)
    assert.match(stderr, /Error: .*ended by SIGKILL/)
    assert.notMatch(stderr, /\n\s+at /)
    const again = await run(process.execPath, [MLXK, "run", MODEL, "Again.", "--max-tokens", "2"], {
      env: { HF_HOME: home }
    })
    assert.strictEqual(again.code, 0, again.stderr)
  })

  it("takes its engine with it when the program is killed", async () => {
    const { ended, engines, process } = await answering()
    process.kill("SIGKILL")
    await ended
    await gone(engines)
  })

  it("ends quietly when its reader goes away", async () => {
    const { ended, engines, process } = await answering()
    process.stdout.destroy()
    const { stderr } = await ended
    assert.strictEqual(stderr, "")
    await gone(engines)
  })
})

describe.skipIf(noEngine)("a server", () => {
  const serving = async () => {
    const server = mlxk("serve", "--port", "0", "--json", "--model", MODEL)
    const { data } = JSON.parse(await server.said(/^\}$/m))
    const url = `http://127.0.0.1:${data.port}`
    const ask = (signal: AbortSignal | null = null) =>
      fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        signal,
        headers: { "content-type": "application/json", "x-request-id": "ask-1" },
        body: JSON.stringify({ model: MODEL, stream: true, messages: [{ role: "user", content: "Go on." }] })
      })
    return { ...server, url, ask, engines: () => childrenOf(server.process.pid ?? 0) }
  }

  it("answers 500 in the stream when its engine is killed, and lives on", async () => {
    const { ask, ended, engines, process: server } = await serving()
    const response = await ask()
    assert.strictEqual(response.status, 200)
    for (const engine of engines()) process.kill(engine, "SIGKILL")
    const body = await response.text()
    assert.match(body, /"status":"error".*"type":"internal_error".*"request_id":"ask-1"/)
    assert.match(body, /data: \[DONE\]\n\n$/)
    const leave = new AbortController()
    const again = await ask(leave.signal)
    assert.strictEqual(again.status, 200)
    leave.abort()
    server.kill("SIGTERM")
    assert.strictEqual((await ended).code, 0)
  })

  it("stops within its grace while a stream is open, at a first Ctrl-C", async () => {
    const { ask, ended, engines, process: server } = await serving()
    const response = await ask()
    const running = engines()
    server.kill("SIGINT")
    assert.match(await response.text(), /server_shutdown/)
    assert.strictEqual((await ended).code, 0)
    await gone(running)
  })

  it("says which address is taken", async () => {
    const { ended, process: server, url } = await serving()
    const second = await mlxk("serve", "--port", new URL(url).port).ended
    assert.strictEqual(second.code, 1)
    assert.match(second.stderr, /Cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)/)
    server.kill("SIGTERM")
    await ended
  })
})
