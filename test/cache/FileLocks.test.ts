/** Python's Hub library locks by flock(2), which leaves no trace in the file: `gc` sees it all the same. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { collect } from "../../src/operations/Collect.js"
import { laidDown, over } from "../support/Trees.js"

const ETAG = "5".repeat(64)

/** Holds the lock of a file, by flock as Python does, until its input ends. */
const HOLD = 'use Fcntl ":flock"; $| = 1; open F, "+<", shift; flock F, LOCK_EX; print "held"; <STDIN>'

const holding = (path: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn("perl", ["-e", HOLD, path], { stdio: ["pipe", "pipe", "inherit"] })
      await once(child.stdout, "data")
      return child
    }),
    (child) =>
      Effect.promise(async () => {
        const ended = once(child, "close")
        child.stdin.end()
        await ended
      })
  )

it.scopedLive.each([
  ["models--org--one", `${ETAG}.incomplete`],
  ["models--org--one", `${ETAG}.0a1b2c3d.incomplete`],
  ["datasets--org--one", `${ETAG}.incomplete`]
] as const)("a download that stalls keeps its part while its lock is held: %s, %s", ([directory, name]) =>
  Effect.gen(function* () {
    const hub = yield* laidDown({ repos: [] })
    const partial = join(hub, directory, "blobs", name)
    const lock = join(hub, ".locks", directory, `${ETAG}.lock`)
    for (const path of [partial, lock]) {
      mkdirSync(join(path, ".."), { recursive: true })
      writeFileSync(path, "")
      utimesSync(path, 0, 0)
    }
    const sweep = Effect.provide(collect({ execute: true }), over(hub))
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* holding(lock)
        expect((yield* sweep).plan).toEqual([])
      })
    )
    // The lock file stays behind, as Python leaves it.
    expect(existsSync(partial)).toBe(true)
    expect((yield* sweep).plan).toHaveLength(1)
    expect(existsSync(partial)).toBe(false)
  })
)
