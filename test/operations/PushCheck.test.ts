import { join, relative } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { pushTo, workspace } from "../support/UploadHub.js"

const NOBODY = { endpoint: "http://127.0.0.1:1" }

describe("a check before a push", () => {
  it.scopedLive("names the config below the directory as it was typed", () =>
    Effect.gen(function* () {
      const root = yield* workspace({ "config.json": '{"a":1}' })
      const typed = relative(process.cwd(), root)
      for (const [directory, shown] of [
        [typed, join(typed, "config.json")],
        [`./${typed}//`, join(typed, "config.json")],
        [root, join(root, "config.json")],
        // The beginning of a name means the directory that was found.
        [root.slice(0, -1), join(root, "config.json")]
      ] as const) {
        const { data } = yield* pushTo(NOBODY, directory, { mode: "check" })
        assert.strictEqual(data.workspace_health?.config.path, shown)
      }
    })
  )
})
