/** `rm`, `gc` and `health --verify` beside real programs that use the model, and cut off by real signals. */
import { spawnSync } from "node:child_process"
import {
  chmodSync,
  cpSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { ENDLESS, layEndless } from "../support/Endless.js"
import { noEngine } from "../support/Native.js"
import { gone } from "../support/Processes.js"
import { endAll, type Started, start } from "../support/Program.js"

const MLXK = fileURLToPath(new URL("../../dist/mlxk.cjs", import.meta.url))
const REPO = "models--mlx-community--endless"
let home: string
const at = (...parts: ReadonlyArray<string>) => join(home, "hub", ...parts)

const mlxk = (...args: ReadonlyArray<string>) => start(process.execPath, [MLXK, ...args], { env: { HF_HOME: home } })
const json = async (...args: ReadonlyArray<string>) => JSON.parse((await mlxk(...args, "--json").ended).stdout)

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "mlxk-removal-"))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))
afterAll(endAll)

const serving = async () => {
  const server = mlxk("serve", "--port", "0", "--json", "--model", ENDLESS)
  await server.said(/^\}$/m)
  return server
}

/** A `run` that has begun to answer and would go on for hours. */
const answering = async () => {
  const program = mlxk("run", ENDLESS, "Tell me everything.", "--temperature", "1.5", "--top-p", "1")
  await program.said(/\S/)
  return program
}

/** Looks again and again, without a pause, while the program runs. */
const until = async (condition: () => boolean, { ended }: Started) => {
  let running = true
  const stop = () => {
    running = false
  }
  ended.then(stop, stop)
  while (running && !condition()) await new Promise<void>((resolve) => setImmediate(resolve))
}

const killed = async ({ ended, process: program }: Started) => {
  program.kill("SIGKILL")
  await ended
  await gone([program.pid ?? 0])
}

const leases = () => readdirSync(at(".locks", REPO)).filter((name) => name.endsWith(".lease"))

describe.skipIf(noEngine)("a model that a program uses", () => {
  beforeEach(() => layEndless(home))

  it.each([
    ["serve", serving],
    ["run", answering]
  ] as const)("by %s is refused with the program's id, until --force", async (_, begin) => {
    const program = await begin()
    const refused = await json("rm", ENDLESS)
    assert.deepInclude(refused.error, { type: "model_in_use", retryable: true })
    assert.include(refused.error.message, `process ${program.process.pid}`)
    const human = await mlxk("rm", ENDLESS).ended
    assert.strictEqual(human.code, 1)
    assert.include(human.stderr, `process ${program.process.pid}`)
    assert.isTrue(existsSync(at(REPO)))
    assert.strictEqual((await json("rm", ENDLESS, "--force")).data.action, "deleted")
    assert.isFalse(existsSync(at(REPO)))
    assert.isFalse(existsSync(at(".locks", REPO)))
    assert.isNull(program.process.exitCode, "it goes on")
    program.process.kill("SIGTERM")
    await program.ended
  })

  it("by nobody any more is deleted: the program ended", async () => {
    const server = await serving()
    assert.lengthOf(leases(), 1)
    server.process.kill("SIGTERM")
    assert.strictEqual((await server.ended).code, 0)
    assert.isFalse(existsSync(at(".locks", REPO)))
    assert.strictEqual((await json("rm", ENDLESS)).data.action, "deleted")
  })

  it.each([
    ["serve", serving],
    ["run", answering]
  ] as const)("by nobody any more is deleted: %s was killed and left its lease", async (_, begin) => {
    await killed(await begin())
    assert.lengthOf(leases(), 1)
    assert.strictEqual((await json("rm", ENDLESS)).data.action, "deleted")
    assert.isFalse(existsSync(at(".locks", REPO)))
  })

  it("is deleted although another process has the id of the one that was killed", async () => {
    const server = await serving()
    const [name = ""] = leases()
    const path = at(".locks", REPO, name)
    const record = JSON.parse(readFileSync(path, "utf8"))
    assert.strictEqual(record.pid, server.process.pid)
    await killed(server)
    writeFileSync(path, JSON.stringify({ ...record, pid: process.pid }))
    assert.strictEqual((await json("rm", ENDLESS)).data.action, "deleted")
  })

  it("keeps its garbage too", async () => {
    const partial = at(REPO, "blobs", "x.incomplete")
    mkdirSync(at(REPO, "blobs"))
    writeFileSync(partial, "half")
    utimesSync(partial, 0, 0)
    const program = await answering()
    assert.deepStrictEqual((await json("gc", "--delete")).data.plan, [])
    await killed(program)
    assert.lengthOf((await json("gc", "--delete")).data.plan, 1)
    assert.isFalse(existsSync(partial))
  })
})

describe("where some directories can't be changed", () => {
  /** Root may change everything: nobody asks. */
  const NOBODY = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  const asNobody = (...args: ReadonlyArray<string>) => {
    const env = { PATH: process.env["PATH"], HOME: home, HF_HOME: home }
    return spawnSync(process.execPath, [join(home, "dist/mlxk.cjs"), ...args], { ...NOBODY, env, encoding: "utf8" })
  }
  const give = (path: string) => {
    for (const name of [".", ...readdirSync(path, { recursive: true, encoding: "utf8" })])
      lchownSync(join(path, name), NOBODY.uid ?? process.getuid?.() ?? 0, NOBODY.gid ?? process.getgid?.() ?? 0)
  }
  const partials = ["closed", "open"].map((name) => join(`models--org--${name}`, "blobs", "x.incomplete"))

  beforeEach(() => {
    cpSync(dirname(MLXK), join(home, "dist"), { recursive: true })
    for (const path of partials) {
      mkdirSync(dirname(at(path)), { recursive: true })
      writeFileSync(at(path), "half")
      utimesSync(at(path), 0, 0)
    }
    give(home)
    chmodSync(at("models--org--closed", "blobs"), 0o555)
  })
  afterEach(() => chmodSync(at("models--org--closed", "blobs"), 0o755))

  it("gc cleans the others", () => {
    const { status, stderr, stdout } = asNobody("gc", "--delete", "--quiet")
    assert.deepStrictEqual({ status, stderr, stdout }, { status: 0, stderr: "", stdout: `${partials[1]}\n` })
    assert.deepStrictEqual(
      partials.map((path) => existsSync(at(path))),
      [true, false]
    )
  })

  it("rm names the directory and changes nothing", () => {
    const { status, stderr } = asNobody("rm", "org/closed")
    assert.strictEqual(status, 1)
    assert.include(stderr, "models--org--closed/blobs")
    chmodSync(at("models--org--closed", "blobs"), 0)
    assert.include(asNobody("rm", "org/closed").stderr, "models--org--closed/blobs of")
    chmodSync(at(), 0o555)
    assert.include(asNobody("rm", "org/open").stderr, at())
    chmodSync(at(), 0o755)
    assert.isTrue(existsSync(at("models--org--open")))
  })
})

/** `count` revisions of a model, each with the same two files. */
const layMany = (count: number) => {
  const repo = at("models--org--many")
  mkdirSync(join(repo, "blobs"), { recursive: true })
  mkdirSync(join(repo, "refs"))
  const files = { "config.json": '{"model_type":"llama"}', "model.safetensors": "weights" }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(repo, "blobs", name), text)
  for (let index = 0; index < count; index++) {
    const commit = index.toString(16).padStart(40, "0")
    mkdirSync(join(repo, "snapshots", commit), { recursive: true })
    for (const name of Object.keys(files)) symlinkSync(`../../blobs/${name}`, join(repo, "snapshots", commit, name))
    writeFileSync(join(repo, "refs", `r${index}`), commit)
  }
  return repo
}

describe("Ctrl-C", () => {
  it("in the middle of rm leaves a cache that lists, verifies and can be cleared", async () => {
    const repo = layMany(600)
    const program = mlxk("rm", "org/many")
    await until(() => !existsSync(join(repo, "snapshots", "0".repeat(40))), program)
    program.process.kill("SIGINT")
    const { code, stderr } = await program.ended
    assert.deepStrictEqual({ code, stderr }, { code: 130, stderr: "" })
    const left = readdirSync(join(repo, "snapshots")).length
    assert.isAbove(left, 0)
    assert.isBelow(left, 600)
    assert.deepInclude((await json("health", "--verify")).data.summary, { total: 1, healthy_count: 1 })
    assert.strictEqual((await json("list", "--all")).data.models[0].health, "healthy")
    assert.strictEqual((await json("rm", "org/many")).data.action, "deleted")
    assert.isFalse(existsSync(repo))
  })

  it("in the middle of health --verify keeps what is done", async () => {
    const repo = layMany(1)
    writeFileSync(join(repo, "blobs", "45b983be36b73c0788dc9cbcb76cbb80fc7bb057"), "hi\n")
    const huge = join(repo, "blobs", "f".repeat(64))
    writeFileSync(huge, "")
    truncateSync(huge, 64 * 2 ** 30)
    const program = mlxk("health", "--verify")
    const receipts = join(repo, ".mlxk-verified")
    await until(() => existsSync(receipts) && readFileSync(receipts, "utf8").includes("\n"), program)
    program.process.kill("SIGINT")
    assert.strictEqual((await program.ended).code, 130)
    assert.match(readFileSync(receipts, "utf8"), /^45b983be[^\n]*\n$/)
    assert.deepStrictEqual(readdirSync(repo).sort(), [".mlxk-verified", "blobs", "refs", "snapshots"])
  })
})
