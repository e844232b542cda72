import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { progressLine, progressLines } from "../../src/cli/views/Pull.js"
import { type FakeHubOptions, makeFakeHub } from "../../src/testing/hub/FakeHub.js"
import { FILES, REPO } from "../support/PullFaults.js"
import { faultsIn, noise, publish } from "../support/PullHub.js"

const COMMAND = ["--import", "tsx", join(import.meta.dirname, "../../src/bin.ts")]

const place = (options: FakeHubOptions = {}) =>
  Effect.gen(function* () {
    const hub = yield* makeFakeHub(options)
    const home = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_pull_home_"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
    )
    return { hub, home, env: { PATH: process.env["PATH"], HOME: home, HF_HOME: home, HF_ENDPOINT: hub.endpoint } }
  })

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs the program; `stopAt` sends SIGINT when stderr matches. */
const mlxk = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv, stopAt?: RegExp) =>
  Effect.promise(
    () =>
      new Promise<Ended>((resolve) => {
        const child = spawn(process.execPath, [...COMMAND, ...args], { env, stdio: ["ignore", "pipe", "pipe"] })
        let out = ""
        let err = ""
        let stopped = false
        child.stdout.on("data", (data: Buffer) => {
          out += String(data)
        })
        child.stderr.on("data", (data: Buffer) => {
          err += String(data)
          if (stopped || stopAt === undefined || !stopAt.test(err)) return
          stopped = true
          child.kill("SIGINT")
        })
        child.on("close", (code) => resolve({ code, out, err }))
      })
  )

describe("mlxk pull", () => {
  it.scopedLive(
    "answers with one document and reports in NDJSON",
    () =>
      Effect.gen(function* () {
        const { env, home, hub } = yield* place()
        const commit = publish(hub, REPO, FILES)
        const { code, err, out } = yield* mlxk(["pull", REPO, "--json", "--events"], env)
        assert.strictEqual(code, 0, err)
        const document = JSON.parse(out)
        assert.deepInclude(document, { status: "success", command: "pull", error: null })
        assert.deepInclude(document.data, { model: REPO, download_status: "success", commit_hash: commit })
        const events = err
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line))
        assert.isTrue(events.every(({ version }) => version === 1))
        assert.deepEqual([events.at(0)?.event, events.at(-1)?.event], ["resolved", "finished"])
        const progress = events.filter(({ event }) => event === "progress").at(-1)
        assert.strictEqual(progress.done_bytes, progress.total_bytes)
        assert.deepEqual(faultsIn(join(home, "hub"), REPO, FILES), [])
        const silent = yield* mlxk(["pull", REPO, "acme/none", "--json"], env)
        assert.strictEqual(silent.code, 1)
        assert.strictEqual(silent.err, "")
        const several = JSON.parse(silent.out)
        assert.deepEqual(
          several.data.models.map(({ download_status, error }: never) => [download_status, error === null]),
          [
            ["already_exists", true],
            ["access_denied", false]
          ]
        )
      }),
    120_000
  )

  it.scopedLive(
    "says after Ctrl-C that it goes on, and does",
    () =>
      Effect.gen(function* () {
        const { env, home, hub } = yield* place({ maxRate: 3 * 2 ** 20 })
        const files = { ...FILES, "model.safetensors": noise(8 * 2 ** 20) }
        publish(hub, REPO, files)
        const bytes = /"event":"progress","model":"acme\/tiny","done_bytes":[1-9]\d{6}/
        const stopped = yield* mlxk(["pull", REPO, "--json", "--events"], env, bytes)
        assert.strictEqual(stopped.code, 130)
        const document = JSON.parse(stopped.out)
        assert.deepInclude(document.data, { model: REPO, download_status: "failed" })
        assert.include(document.error.message, "interrupted")
        const done = yield* mlxk(["pull", REPO, "--json", "--events"], env)
        assert.strictEqual(done.code, 0, done.err)
        const planned = done.err.split("\n").find((line) => line.includes('"planned"')) ?? "{}"
        assert.isAbove(JSON.parse(planned).resumed_bytes, 0)
        assert.deepEqual(faultsIn(join(home, "hub"), REPO, files), [])
        assert.isBelow(hub.downloads.sentBytes, 9.5 * 2 ** 20)
      }),
    120_000
  )
})

describe("progress", () => {
  const progress = {
    _tag: "Progress",
    model: "acme/ti\u001b[2Jny",
    doneBytes: 430e6,
    totalBytes: 1e9,
    bytesPerSecond: 30e6,
    active: Array.from({ length: 9 }, (_, index) => ({ path: `f${index}`, doneBytes: 1e6, totalBytes: 2e6 }))
  } as const

  it("is a line for a log", () => {
    assert.strictEqual(progressLine(progress), "acme/ti\\x1b[2Jny: 43%, 430.0MB of 1.0GB, 30.0MB/s, 0:19 left")
  })

  it("is a bar and a line per file, within the terminal's width", () => {
    const lines = progressLines(progress, 60)
    assert.lengthOf(lines, 8)
    assert.isTrue(lines.every((line) => line.length < 60))
    assert.match(lines[0] ?? "", /^ 43% \[#{10}\.{14}\] 430\.0MB of 1\.0GB/)
    assert.strictEqual(lines[1], "   50%  1.0MB of 2.0MB  f0")
    assert.include(lines[7], "3 more files")
  })
})
