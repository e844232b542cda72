import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mine, written } from "../../src/cache/Holder.js"
import { discardStage, openStage, releaseStage, stageDirectory } from "../../src/workspace/Stage.js"

const HOLDER = ".mlxk2_temp_cache_holder"
const SENTINEL = ".mlxk2_temp_cache_sentinel"

const place = Effect.acquireRelease(
  Effect.sync(() => stageDirectory("org/model@main", join(mkdtempSync(join(tmpdir(), "mlxk2_test_stage_")), "copy"))),
  (stage) => Effect.sync(() => rmSync(dirname(stage), { recursive: true, force: true }))
)

const opened = (directory: string) => {
  const result = openStage(directory)
  return "stage" in result ? result.stage : assert.fail(result.problem)
}

const problemOf = (directory: string): string => {
  const result = openStage(directory)
  return "problem" in result ? result.problem : "opened"
}

describe("a stage", () => {
  it.scoped("belongs to one at a time, and is found again", () =>
    Effect.gen(function* () {
      const directory = yield* place
      const first = opened(directory)
      assert.isFalse(first.resumed)
      assert.include(problemOf(directory), `by process ${process.pid}`)
      releaseStage(first)
      const second = opened(directory)
      assert.isTrue(second.resumed)
      discardStage(second)
      assert.deepStrictEqual(readdirSync(dirname(directory)), [])
    })
  )

  it.scoped("is taken over from a process that died, and from a record that nobody finished", () =>
    Effect.gen(function* () {
      const directory = yield* place
      releaseStage(opened(directory))
      const holder = join(directory, HOLDER)
      writeFileSync(holder, written({ ...mine(), pid: spawnSync(process.execPath, ["-e", ""]).pid }))
      releaseStage(opened(directory))
      writeFileSync(holder, "{")
      assert.include(problemOf(directory), "another process")
      const long = new Date(Date.now() - 10 * 60_000)
      utimesSync(holder, long, long)
      releaseStage(opened(directory))
      assert.deepStrictEqual(readdirSync(directory), [SENTINEL])
    })
  )

  it.scoped("is never a directory without its sentinel, nor deleted as one", () =>
    Effect.gen(function* () {
      const directory = yield* place
      mkdirSync(directory)
      writeFileSync(join(directory, "precious"), "mine")
      assert.include(problemOf(directory), "in the way")
      discardStage({ directory, hubCache: join(directory, "hub"), resumed: true })
      assert.isTrue(existsSync(join(directory, "precious")))
    })
  )
})
