import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { describe as describeFiles } from "../../src/cache/Describe.js"
import { layer as layerRemote } from "../../src/LiveRemote.js"
import { type FakeHub, makeFakeHub } from "../../src/testing/hub/FakeHub.js"
import { addRepo } from "../../src/testing/hub/Store.js"
import { type CliSetup, runCli } from "../support/Cli.js"
import { publish } from "../support/PullHub.js"
import { TOKEN, workspace } from "../support/UploadHub.js"

const room = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_cli_"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

/** A command line with a token and a Hub. */
const setupFor = (hub: Pick<FakeHub, "endpoint">, token: string | null = TOKEN): CliSetup => {
  const secret = token === null ? null : Redacted.make(token)
  return {
    remote: layerRemote,
    cache: { describe: (location) => Effect.sync(() => describeFiles(location)) },
    settings: {
      hubToken: secret,
      pushToken: secret,
      hub: { endpoint: hub.endpoint, offline: false, httpProxy: null, httpsProxy: null, noProxy: null }
    }
  }
}

const turn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

const NOBODY = { endpoint: "http://127.0.0.1:1" }

describe("mlxk push", () => {
  it.scopedLive("says each result on one line", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      const root = yield* workspace({ "a.txt": "a" })
      const push = (...more: ReadonlyArray<string>) =>
        runCli(["push", root, "me/model", "--private", ...more], setupFor(hub))
      const plan = yield* push("--dry-run", "--verbose")
      assert.strictEqual(
        plan.out,
        "push (experimental): me/model@main — dry-run: +1 ~0 -0; would create the repository and the branch\n"
      )
      assert.match(
        (yield* push("--create")).out,
        /^push \(experimental\): me\/model@main — commit [0-9a-f]{7} \(\+1 ~0 -0\)\n$/
      )
      assert.strictEqual((yield* push()).out, "push (experimental): me/model@main — no changes\n")
      assert.match((yield* push("--verbose")).out, /no changes \(No files have been modified/)
      assert.include((yield* push("--dry-run")).out, "dry-run: no changes")
      writeFileSync(join(root, "a.txt"), "b")
      assert.include((yield* push("--verbose")).out, `<${hub.endpoint}/me/model/commit/`)
    })
  )

  it.scopedLive("prints the documents of scripts", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      addRepo(hub.store, "me/model")
      const root = yield* workspace({ "a.txt": "a" })
      const args = ["push", root, "me/model", "--private", "--json"]
      const done = yield* runCli(args, setupFor(hub))
      assert.deepInclude(JSON.parse(done.out).data, {
        repo_id: "me/model",
        branch: "main",
        repo_url: `${hub.endpoint}/me/model`,
        experimental: true,
        no_changes: false
      })
      assert.strictEqual(done.err, "")
      hub.plan([{ when: /preupload/, times: 1, trouble: { status: 400 } }])
      writeFileSync(join(root, "b.txt"), "b")
      const failed = yield* runCli(args, setupFor(hub))
      const { data, error } = JSON.parse(failed.out)
      assert.strictEqual(failed.code, 1)
      assert.strictEqual(error.type, "upload_failed")
      assert.deepInclude(data, { repo_id: "me/model", local_files_count: 2, commit_sha: null })
    })
  )

  it.scopedLive("names each failure as scripts expect", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      const root = yield* workspace({ "a.txt": "a" })
      const typeOf = (directory: string, setup: CliSetup, ...more: ReadonlyArray<string>) =>
        Effect.map(runCli(["push", directory, "me/model", "--private", "--json", ...more], setup), ({ out }) => {
          const { error } = JSON.parse(out)
          return error.type
        })
      assert.strictEqual(yield* typeOf(root, setupFor(hub, null)), "auth_error")
      assert.strictEqual(yield* typeOf("/nonexistent", setupFor(hub)), "workspace_not_found")
      assert.strictEqual(yield* typeOf(root, setupFor(hub)), "repo_not_found")
      hub.plan([{ when: /./, times: 1, trouble: { status: 403 } }])
      assert.strictEqual(yield* typeOf(root, setupFor(hub)), "push_operation_failed")
      hub.plan([{ when: /\/branch\//, times: 1, trouble: { status: 403 } }])
      assert.strictEqual(yield* typeOf(root, setupFor(hub), "--create", "--branch", "dev"), "branch_create_failed")
    })
  )

  it.scopedLive("takes the beginning of a path for the one workspace that is meant, and lists several", () =>
    Effect.gen(function* () {
      const where = yield* room
      for (const name of ["model-a", "model-b", "other"]) {
        mkdirSync(join(where, name))
        writeFileSync(join(where, name, "config.json"), "{}")
      }
      const check = (path: string) =>
        runCli(["push", path, "me/x", "--private", "--check-only", "--json"], setupFor(NOBODY, null))
      assert.strictEqual((yield* check(join(where, "oth"))).code, 0)
      const several = JSON.parse((yield* check(join(where, "model"))).out)
      assert.strictEqual(several.error.type, "ambiguous_workspace")
      assert.deepStrictEqual(several.error.matches, [join(where, "model-a"), join(where, "model-b")])
    })
  )

  it.scopedLive("lists what a check finds, and wants to be told of the private repo", () =>
    Effect.gen(function* () {
      const root = yield* workspace({ "config.json": "{}", "w.safetensors": "", "x.partial": "p" })
      const said = yield* runCli(["push", root, "me/x", "--private", "--check-only"], setupFor(NOBODY, null))
      assert.strictEqual(said.code, 0)
      assert.match(
        said.out,
        /error: config.json invalid[\s\S]*error: Empty weight file: w.safetensors[\s\S]*warn: Partial/
      )
      const refused = yield* runCli(["push", root, "me/x"], setupFor(NOBODY))
      assert.strictEqual(refused.code, 2)
      assert.include(refused.err, "required: --private")
    })
  )
})

describe("mlxk clone", () => {
  it.scopedLive("says the result, and with --quiet only where it is", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      publish(hub, "org/model", { "config.json": '{"model_type":"llama"}' })
      const where = yield* room
      const clone = (name: string, ...more: ReadonlyArray<string>) =>
        runCli(["clone", "org/model", join(where, name), ...more], setupFor(hub))
      const said = yield* clone("a", "--quiet")
      assert.strictEqual(said.out, `clone: org/model → ${join(where, "a")}\n`)
      assert.strictEqual(said.err, "")
      assert.match((yield* clone("b", "--no-health-check")).out, /^clone: org\/model → .* \(Cloned; /)
      assert.strictEqual(readFileSync(join(where, "b", "config.json"), "utf8"), '{"model_type":"llama"}')
      const { data } = JSON.parse((yield* clone("c", "--json")).out)
      assert.deepInclude(data, { model: "org/model", clone_status: "success", health_check: true })
      for (const key of ["cache_cleanup", "cache_preserved", "copy_method"]) assert.notProperty(data, key)
    })
  )

  it.scopedLive("names each failure as scripts expect", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      const where = yield* room
      const failure = (...args: ReadonlyArray<string>) =>
        Effect.map(runCli(["clone", ...args, "--json"], setupFor(hub)), ({ code, out }) => {
          const { data, error } = JSON.parse(out)
          return [code, error.type, data?.clone_status]
        })
      const target = join(where, "copy")
      assert.deepStrictEqual(yield* failure("org/none", target), [1, "PullFailedError", "pull_failed"])
      assert.deepStrictEqual(yield* failure("a//b", target), [1, "PullFailedError", "pull_failed"])
      assert.deepStrictEqual(yield* failure("org/none", join(where, "no/way")), [1, "InvalidTargetError", "error"])
      assert.deepStrictEqual(yield* failure("org/none"), [2, "CommandError", undefined])
      assert.deepStrictEqual(readdirSync(where), [])
    })
  )

  it.scopedLive("says after Ctrl-C where the download is", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      publish(hub, "org/model", { "config.json": "{}" })
      hub.plan([{ when: /resolve/, times: 100, trouble: { status: 503, headers: { "retry-after": "30" } } }])
      const where = yield* room
      const stopped = yield* runCli(["clone", "org/model", join(where, "copy"), "--json"], {
        ...setupFor(hub),
        signal: (claim) =>
          claim === "work"
            ? Effect.never
            : Effect.as(Effect.repeat(turn, { until: () => readdirSync(where).length > 0 }), "SIGINT" as const)
      })
      const { data, error } = JSON.parse(stopped.out)
      assert.strictEqual(stopped.code, 130)
      assert.strictEqual(error.type, "UserCancelledError")
      assert.strictEqual(data.clone_status, "cancelled")
      assert.include(error.message, ".mlxk2_temp_")
    })
  )
})
