/** The fake Hub is a faithful one: Python's own library uploads to it, and we go on from what it left. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeFakeHub } from "../../src/testing/hub/FakeHub.js"
import { run } from "../support/Program.js"
import { noise } from "../support/PullHub.js"
import { pushTo, TOKEN, workspace } from "../support/UploadHub.js"

const PYTHON = process.env["MLXK_TEST_PYTHON"] ?? "python3"
const SCRIPT = join(import.meta.dirname, "../support/upload.py")
const AVAILABLE = spawnSync(PYTHON, ["-c", "import huggingface_hub"]).status === 0
if (!AVAILABLE) console.warn(`skipped: ${PYTHON} has no huggingface_hub; name one that has in MLXK_TEST_PYTHON`)

const FILES = { "config.json": "{}", "sub/notes.md": "n", "model.safetensors": noise(250_000) }

it.runIf(AVAILABLE)(
  "Python pushes what we then find unchanged, and finds what we push",
  () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub({ partBytes: 100_000 })
      const root = yield* workspace(FILES)
      const home = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_python_"))),
        (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
      )
      const env = {
        HOME: home,
        HF_HOME: home,
        HF_ENDPOINT: hub.endpoint,
        HF_TOKEN: TOKEN,
        HF_HUB_DISABLE_XET: "1",
        HF_HUB_DISABLE_PROGRESS_BARS: "1",
        NO_PROXY: "localhost"
      }
      const python = (repo: string) =>
        Effect.promise(() => run(PYTHON, [SCRIPT, repo, root, join(home, "cache")], { env }))
      const pushed = yield* python("me/model")
      assert.strictEqual(pushed.code, 0, pushed.stderr)
      assert.isTrue((yield* pushTo(hub, root)).data.no_changes)
      yield* pushTo(hub, root, { repo: "me/ours", create: true })
      const stored = hub.record.stored.length
      const again = yield* python("me/ours")
      assert.strictEqual(again.code, 0, again.stderr)
      assert.strictEqual(hub.record.stored.length, stored)
      const snapshot = again.stdout.trim().split("\n").at(-1) ?? ""
      for (const [path, content] of Object.entries(FILES)) {
        assert.isTrue(readFileSync(join(snapshot, path)).equals(Buffer.from(content)), path)
      }
    }).pipe(Effect.scoped, Effect.runPromise),
  60_000
)
