/** The Promise facade over a cache on the disk. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { layerRunner } from "../src/Live.js"
import { makeKnife } from "../src/Promises.js"
import { laidDown, over } from "./support/Trees.js"

const A = "a".repeat(40)

it.scopedLive("measures, collects and removes", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown({
      repos: [
        {
          repo: "org/one",
          refs: { main: A },
          snapshots: { [A]: { files: { "config.json": { json: {} } } } },
          extra: { "blobs/x.incomplete": { text: "half" } }
        }
      ]
    })
    const knife = makeKnife(Layer.merge(over(hub), layerRunner))
    yield* Effect.promise(async () => {
      expect((await knife.diskUsage()).repos.map(({ name }) => name)).toEqual(["org/one"])
      expect((await knife.collect()).dry_run).toBe(true)
      expect(existsSync(join(hub, "models--org--one/blobs/x.incomplete"))).toBe(true)
      expect((await knife.collect({ execute: true })).plan.map(({ kind }) => kind)).toEqual(["partial"])
      expect((await knife.remove("one")).requires_confirmation).toBe(true)
      expect((await knife.remove("org/one")).action).toBe("deleted")
      await expect(knife.remove("org/one")).rejects.toMatchObject({ _tag: "NothingToRemove" })
      await knife.close()
    })
  })
)
