/** Runs command lines in this process: the real `main`, services of the test's own, everything said captured. */
import { type Context, Effect, Layer, Stream } from "effect"
import { main } from "../../src/cli/Main.js"
import { PipeClosed, type Signal, Stdio } from "../../src/cli/Stdio.js"
import type { CachedModel } from "../../src/domain/CachedModel.js"
import { ModelNotFound } from "../../src/domain/Errors.js"
import { HealthReport } from "../../src/domain/HealthReport.js"
import { Cache } from "../../src/services/Cache.js"
import { Health } from "../../src/services/Health.js"
import { Maintenance } from "../../src/services/Maintenance.js"
import { Remote, type RemoteServices } from "../../src/services/Remote.js"
import { Runner } from "../../src/services/Runner.js"
import type { Settings, SettingsValues } from "../../src/services/Settings.js"
import { layerSettings } from "../../src/testing.js"
import { answer, cachedModel, HOME } from "./Server.js"
import { over } from "./Trees.js"

export interface CliSetup {
  readonly models?: ReadonlyArray<CachedModel>
  /** By name; models without a report are sound. */
  readonly reports?: Readonly<Record<string, HealthReport>>
  readonly cache?: Partial<Context.Tag.Service<typeof Cache>>
  readonly runner?: Partial<Context.Tag.Service<typeof Runner>>
  readonly settings?: Partial<SettingsValues>
  /** A hub cache on the disk, in place of `models`. */
  readonly hub?: string
  /** The Hub; none unless said. */
  readonly remote?: Layer.Layer<RemoteServices, never, Settings>
  readonly terminal?: boolean
  /** Width of the terminal. */
  readonly columns?: number
  /** What `-` reads. */
  readonly stdin?: string
  /** What a user types; then the input ends. */
  readonly typed?: ReadonlyArray<string>
  /** The user types nothing and the input stays open. */
  readonly silentPrompt?: boolean
  /** When each kind of waiter gets a signal; never unless said. */
  readonly signal?: (claim: "program" | "work") => Effect.Effect<Signal>
  /** Runs after each write to stdout. */
  readonly onWrite?: Effect.Effect<unknown>
  /** The reader of stdout leaves after so many writes. */
  readonly writesUntilClosed?: number
  readonly program?: string
}

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly log: ReadonlyArray<string>
}

const sound = new HealthReport({
  healthy: true,
  integrityReason: "Model is healthy",
  runtimeCompatible: true,
  runtimeReason: null
})

const cacheOf = ({ cache = {}, models = [cachedModel("org/tiny")], reports = {}, settings }: CliSetup) =>
  Layer.mergeAll(
    Layer.succeed(Cache, {
      list: Effect.succeed(models),
      resolve: (ref) =>
        Effect.mapError(
          Effect.fromNullable(models.find(({ name }) => name === ref.name)),
          () => new ModelNotFound({ query: ref.text })
        ),
      describe: (location) => Effect.orDie(Effect.fromNullable(models.find(({ name }) => name === location.name))),
      ...cache
    }),
    Layer.succeed(Health, {
      check: ({ name }) => Effect.succeed(reports[name] ?? sound),
      runtimeProblem: ({ name }) => Effect.succeed(reports[name]?.runtimeReason ?? null),
      foresee: ({ name }) => Effect.succeed(reports[name]?.runtimeReason ?? null)
    }),
    layerSettings({ hubCache: `${HOME}/hub`, home: HOME, ...settings }),
    Layer.mock(Maintenance, {})
  )

const servicesOf = (setup: CliSetup) => {
  const { hub, remote, runner = {} } = setup
  return Layer.mergeAll(
    hub === undefined ? cacheOf(setup) : over(hub),
    Layer.succeed(Remote, remote ?? Layer.die("no Hub in this test")),
    Layer.mock(Runner, {
      load: () => Effect.void,
      generate: () => Stream.fromIterable(answer(["Hel", "lo"])),
      ...runner
    })
  )
}

/** The exit code and everything that was written. */
export const runCli = (argv: ReadonlyArray<string>, setup: CliSetup = {}): Effect.Effect<Said> =>
  Effect.gen(function* () {
    const out: Array<string> = []
    const err: Array<string> = []
    const log: Array<string> = []
    const typed = [...(setup.typed ?? [])]
    const stdio = Stdio.of({
      out: (text) =>
        Effect.suspend(() => {
          if (out.length >= (setup.writesUntilClosed ?? Number.POSITIVE_INFINITY)) return Effect.fail(new PipeClosed())
          out.push(text)
          return Effect.asVoid(setup.onWrite ?? Effect.void)
        }),
      err: (text) =>
        Effect.sync(() => {
          err.push(text)
        }),
      log: (line) => {
        log.push(line)
      },
      outIsTerminal: setup.terminal ?? false,
      errColumns: () => null,
      inIsTerminal: setup.terminal ?? false,
      columns: setup.columns ?? null,
      readAll: Effect.succeed(setup.stdin ?? ""),
      lines: Effect.succeed({
        ask: (prompt) =>
          Effect.suspend(() => {
            out.push(prompt)
            return setup.silentPrompt === true ? Effect.never : Effect.succeed(typed.shift() ?? null)
          })
      }),
      signal: setup.signal ?? (() => Effect.never)
    })
    const code = yield* main(argv, { live: servicesOf(setup), program: setup.program ?? "mlxk" }).pipe(
      Effect.provideService(Stdio, stdio)
    )
    return { code, out: out.join(""), err: err.join(""), log }
  })
