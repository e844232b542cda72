/** An engine process never outlives its parent, whatever kills the parent and whatever the engine is doing. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { byteIds } from "../support/Checkpoint.js"
import { gone } from "../support/Processes.js"
import { bundled, type Fake, fakeModel, isAlive, pidOf, steps, until } from "./support.js"

const parent = bundled(new URL("./parent.ts", import.meta.url))
const engine = bundled(new URL("./fakeEngine.ts", import.meta.url))

/** Starts a parent whose engine computes, kills it, and waits for the engine. */
const orphaned = (fake: Fake, atStep: number, signal: NodeJS.Signals) =>
  Effect.gen(function* () {
    const model = yield* fakeModel(fake)
    const program = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [fileURLToPath(parent), fileURLToPath(engine), model.directory], { stdio: "ignore" })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    yield* until(() => steps(model) >= atStep)
    const pid = pidOf(model)
    assert.isTrue(isAlive(pid))
    program.kill(signal)
    yield* Effect.promise(() => gone([pid]))
  })

describe("an engine process", () => {
  it.scopedLive("ends when its parent is killed while it computes", () =>
    orphaned({ answer: byteIds("abc"), endless: true }, 10, "SIGKILL")
  )

  it.scopedLive("ends when its parent is killed while it hangs in native code", () =>
    orphaned({ answer: byteIds("ab"), fault: "block" }, 3, "SIGKILL")
  )

  it.scopedLive("ends with a parent that is told to end", () =>
    orphaned({ answer: byteIds("abc"), endless: true }, 10, "SIGTERM")
  )
})
