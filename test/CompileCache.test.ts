/** Real processes: what is kept between two starts, and whom it is believed. */

import { execFileSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { run } from "./support/Program.js"

const BUILD = "0123456789abcdef"
const OWN = `${BUILD}-${process.version}-${process.arch}-`
const NAME = `${OWN}list`
const PROGRAM = `(function (require, module, exports, __filename, __dirname) {
  process.stdout.write("works in " + __dirname)
})`

let home = ""
let caches = ""
const launcher = () => join(home, "launcher.mts")
const kept = (name = NAME) => join(caches, "mlx-knife", name)
const names = () => readdirSync(join(caches, "mlx-knife")).sort()

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "mlxk-compiled-"))
  caches = join(home, "caches")
  mkdirSync(caches)
  writeFileSync(join(home, "program.cjs"), PROGRAM)
  const source = join(import.meta.dirname, "../src/CompileCache.ts")
  writeFileSync(
    launcher(),
    `import { runCompiled } from ${JSON.stringify(source)}\nrunCompiled(${JSON.stringify(join(home, "program.cjs"))}, "${BUILD}", process.env["PART"] ?? "list")\n`
  )
})
afterEach(() => {
  chmodSync(caches, 0o700)
  rmSync(home, { recursive: true })
})

/** Starts the program, which must work and say nothing else. */
const works = async (env: Readonly<Record<string, string>> = { XDG_CACHE_HOME: caches }) => {
  const ended = await run(process.execPath, ["--import", "tsx", launcher()], {
    env: { HOME: home, ...env }
  })
  assert.deepStrictEqual([ended.code, ended.stdout, ended.stderr], [0, `works in ${home}`, ""])
}

describe("the compile cache", () => {
  it("is written by the first start for its owner only, and used by the second", async () => {
    await works()
    assert.deepStrictEqual(names(), [NAME])
    assert.strictEqual(statSync(kept()).mode & 0o777, 0o700)
    const { ino, mtimeMs } = statSync(kept())
    await works()
    assert.deepInclude(statSync(kept()), { ino, mtimeMs })
  })

  it("holds what the start needs after a run in which much memory was collected", async () => {
    const steps = Array.from({ length: 500 }, (_, i) => `function step${i}() { return [${i}, "a"] }; step${i}();`)
    const program = (rest: string) => PROGRAM.replace("process.stdout", `${steps.join("\n")}\n${rest}\nprocess.stdout`)
    // V8 forgets code that many collections found idle; so one is enough.
    const collect = `
      const { setFlagsFromString } = require("node:v8")
      setFlagsFromString("--stress-flush-code")
      setFlagsFromString("--expose-gc")
      const collectAll = require("node:vm").runInNewContext("gc")
      for (let i = 0; i < 5; i++) collectAll()
      setFlagsFromString("--no-stress-flush-code")
      setFlagsFromString("--no-expose-gc")`
    const sizeAfter = async (rest: string) => {
      writeFileSync(join(home, "program.cjs"), program(rest))
      await works()
      const { size } = statSync(kept())
      rmSync(kept())
      return size
    }
    const short = await sizeAfter("")
    assert.isAbove(await sizeAfter(collect), short)
  })

  it("is made again from garbage and from a half", async () => {
    await works()
    const whole = readFileSync(kept())
    const zeroed = Buffer.from(whole).fill(0, whole.length / 2)
    for (const damaged of [Buffer.from("garbage"), whole.subarray(0, whole.length / 2), Buffer.alloc(0), zeroed]) {
      writeFileSync(kept(), damaged)
      await works()
      assert.isFalse(readFileSync(kept()).equals(damaged))
    }
  })

  it("is not believed when others can write it", async () => {
    await works()
    for (const mode of [0o720, 0o702]) {
      chmodSync(kept(), mode)
      const { ino } = statSync(kept())
      await works()
      assert.strictEqual(statSync(kept()).mode & 0o777, 0o700)
      assert.notStrictEqual(statSync(kept()).ino, ino)
    }
  })

  it("is neither a link nor a pipe, and its directory is the user's alone", async () => {
    await works()
    const elsewhere = join(home, "elsewhere")
    renameSync(kept(), elsewhere)
    symlinkSync(elsewhere, kept())
    await works()
    assert.isTrue(lstatSync(kept()).isFile())
    rmSync(kept())
    execFileSync("mkfifo", [kept()])
    await works()
    assert.isTrue(lstatSync(kept()).isFile())
    rmSync(kept())
    chmodSync(join(caches, "mlx-knife"), 0o777)
    await works()
    assert.deepStrictEqual(names(), [])
  })

  it("removes those of other builds and versions, and nothing else", async () => {
    mkdirSync(join(caches, "mlx-knife"), { mode: 0o700 })
    const old = [`fedcba9876543210-${process.version}-${process.arch}-list`, `${BUILD}-v18.0.0-x64`]
    const foreign = ["notes.txt", "0123-v20.0.0", "abcdefabcdefabcd"]
    for (const name of [...old, ...foreign]) writeFileSync(kept(name), "")
    await works()
    assert.deepStrictEqual(names(), [NAME, ...foreign].sort())
  })

  it("is another one for each part of the program", async () => {
    await works()
    const { mtimeMs } = statSync(kept())
    await works({ XDG_CACHE_HOME: caches, PART: "pull" })
    assert.deepStrictEqual(names(), [NAME, `${OWN}pull`])
    assert.strictEqual(statSync(kept()).mtimeMs, mtimeMs)
  })

  it("goes without where nothing can be written", async () => {
    writeFileSync(join(home, "file"), "")
    await works({ XDG_CACHE_HOME: join(home, "file") })
    chmodSync(caches, 0o500)
    await works()
  })

  it("makes the cache directory of a new user, and no home", async () => {
    rmSync(caches, { recursive: true })
    await works()
    assert.deepStrictEqual(names(), [NAME])
    await works({ XDG_CACHE_HOME: join(home, "nobody", "caches") })
    assert.isFalse(existsSync(join(home, "nobody")))
  })

  it("takes only an absolute XDG_CACHE_HOME", async () => {
    mkdirSync(join(home, process.platform === "darwin" ? "Library/Caches" : ".cache"), { recursive: true })
    await works({ XDG_CACHE_HOME: "relative" })
    assert.isFalse(existsSync("relative"))
    const directory = join(home, process.platform === "darwin" ? "Library/Caches" : ".cache", "mlx-knife")
    assert.deepStrictEqual(readdirSync(directory), [NAME])
  })
})
