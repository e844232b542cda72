import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope, Stream } from "effect"
import { mine, written } from "../../src/cache/Holder.js"
import { layer, users } from "../../src/cache/Lease.js"
import { layerWith } from "../../src/runner/Supervisor.js"
import { Leases } from "../../src/services/Leases.js"
import { Runner } from "../../src/services/Runner.js"
import { bundled, fakeModel, greedy } from "../runner/support.js"

const REPO = "models--org--tiny"

const withHub = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_"))),
  (hub) => Effect.sync(() => rmSync(hub, { recursive: true, force: true }))
)

const model = (hub: string) => ({ name: "org/tiny", directory: join(hub, REPO, "snapshots", "a") })

it.scoped("tells who runs a model, as long as the scope is open, and leaves nothing behind", () =>
  Effect.gen(function* () {
    const hub = yield* withHub
    const leases = yield* Leases
    const scope = yield* Scope.make()
    yield* Scope.extend(leases.hold(model(hub)), scope)
    yield* Scope.extend(leases.hold(model(hub)), scope)
    expect(users(hub, REPO)).toEqual([mine(), mine()])
    yield* Scope.close(scope, Exit.void)
    expect(users(hub, REPO)).toEqual([])
    expect(existsSync(join(hub, ".locks", REPO))).toBe(false)
  }).pipe(Effect.provide(layer))
)

it.scoped("ignores the dead and clears their leases away, but no foreign file", () =>
  Effect.gen(function* () {
    const hub = yield* withHub
    const directory = join(hub, ".locks", REPO)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, "dead.lease"), written({ ...mine(), started: "another process" }))
    writeFileSync(join(directory, "odd.lease"), "{")
    writeFileSync(join(directory, "blob.lock"), written(mine()))
    expect(users(hub, REPO)).toEqual([])
    yield* Effect.scoped(Effect.flatMap(Leases, ({ hold }) => hold(model(hub))))
    expect(readdirSync(directory).sort()).toEqual(["blob.lock", "odd.lease"])
  }).pipe(Effect.provide(layer))
)

it.scoped("doesn't wait for a named pipe, and follows no link", () =>
  Effect.gen(function* () {
    const hub = yield* withHub
    const directory = join(hub, ".locks", REPO)
    mkdirSync(directory, { recursive: true })
    execFileSync("mkfifo", [join(directory, "pipe.lease")])
    writeFileSync(join(hub, "record"), written(mine()))
    symlinkSync("../../record", join(directory, "link.lease"))
    expect(users(hub, REPO)).toEqual([])
  })
)

it.scoped("is not written through a link", () =>
  Effect.gen(function* () {
    const hub = yield* withHub
    const outside = join(hub, "outside")
    mkdirSync(outside)
    writeFileSync(join(outside, "dead.lease"), written({ ...mine(), started: "another process" }))
    mkdirSync(join(hub, ".locks"))
    symlinkSync(outside, join(hub, ".locks", REPO))
    const { hold } = yield* Leases
    yield* hold(model(hub))
    expect(readdirSync(outside)).toEqual(["dead.lease"])
    rmSync(join(hub, ".locks"), { recursive: true })
    symlinkSync(outside, join(hub, ".locks"))
    yield* hold(model(hub))
    expect(readdirSync(outside)).toEqual(["dead.lease"])
  }).pipe(Effect.provide(layer))
)

it.scoped("holds nothing for a model outside a cache, or in one that can't be written", () =>
  Effect.gen(function* () {
    const hub = yield* withHub
    const leases = yield* Leases
    yield* leases.hold({ name: "./x", directory: join(hub, "workspace") })
    expect(readdirSync(hub)).toEqual([])
    writeFileSync(join(hub, ".locks"), "a file")
    yield* leases.hold(model(hub))
    expect(users(hub, REPO)).toEqual([])
  }).pipe(Effect.provide(layer))
)

it.scoped("is held while an engine has the model loaded", () =>
  Effect.gen(function* () {
    const hub = yield* withHub
    const { directory: files } = yield* fakeModel({ answer: [1, 2] })
    const { name } = model(hub)
    mkdirSync(join(hub, REPO, "snapshots"), { recursive: true })
    cpSync(files, model(hub).directory, { recursive: true })
    const entry = bundled(new URL("../runner/fakeEngine.ts", import.meta.url))
    const runner = Layer.provide(layerWith({ entry, execArgv: [] }), layer)
    yield* Effect.gen(function* () {
      const { generate } = yield* Runner
      yield* Stream.runDrain(generate({ name, directory: model(hub).directory }, greedy("hi", {})))
      expect(users(hub, REPO)).toEqual([mine()])
    }).pipe(Effect.provide(runner))
    expect(users(hub, REPO)).toEqual([])
  })
)
