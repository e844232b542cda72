/** A real server on a free port for one test. Cache and Health hold models of the test's own; the Runner is what it passes. */
import { connect } from "node:net"
import { type Context, Deferred, Effect, Fiber, HashMap, Layer, Logger, LogLevel, Stream } from "effect"
import type { CachedModel, ModelLocation } from "../../src/domain/CachedModel.js"
import { type CacheIo, ModelNotFound } from "../../src/domain/Errors.js"
import type { FinishReason, GenerateEvent } from "../../src/domain/Generation.js"
import { HealthReport } from "../../src/domain/HealthReport.js"
import { type ServeOptions, serve } from "../../src/server/Server.js"
import { Cache } from "../../src/services/Cache.js"
import { Health } from "../../src/services/Health.js"
import { Runner } from "../../src/services/Runner.js"
import { layerSettings } from "../../src/testing.js"

export const HOME = "/home/someone"

export const cachedModel = (name: string, other: Partial<CachedModel> = {}): CachedModel => ({
  name,
  commit: null,
  repoDirectory: `${HOME}/hub/${name}`,
  snapshotDirectory: `${HOME}/hub/${name}/snapshots/main`,
  pinned: false,
  sizeBytes: 1,
  lastModified: 1_760_000_000_900,
  files: [],
  snapshot: "Present",
  weightIndex: { _tag: "Missing" },
  lfsPointers: [],
  config: { _tag: "Missing" },
  framework: "MLX",
  modelType: "chat",
  capabilities: ["text-generation", "chat"],
  contextLength: 4096,
  metadata: null,
  ...other
})

const sound = new HealthReport({
  healthy: true,
  integrityReason: "ok",
  runtimeCompatible: true,
  runtimeReason: null
})

/** A finished answer as the Runner's contract has it. */
export const answer = (
  texts: ReadonlyArray<string>,
  finishReason: FinishReason = "stop"
): ReadonlyArray<GenerateEvent> => [
  { _tag: "Started", promptTokens: 7, contextLength: 4096 },
  ...texts.map((text): GenerateEvent => ({ _tag: "Delta", text })),
  { _tag: "Finished", finishReason, usage: { promptTokens: 7, completionTokens: texts.length + 1, reasoningTokens: 0 } }
]

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly annotations: Readonly<Record<string, unknown>>
}

export interface ServerSetup {
  readonly models?: ReadonlyArray<CachedModel>
  /** What the cache lists instead of `models`. */
  readonly list?: Effect.Effect<ReadonlyArray<ModelLocation>, CacheIo>
  /** By name; models without a report are sound. */
  readonly reports?: Readonly<Record<string, HealthReport>>
  readonly runner?: Partial<Context.Tag.Service<typeof Runner>>
  readonly serve?: Partial<ServeOptions>
}

const services = ({
  models = [cachedModel("org/tiny")],
  list = Effect.succeed(models),
  reports = {},
  runner = {}
}: ServerSetup) => {
  const cache = Cache.of({
    list,
    resolve: (ref) =>
      Effect.fromNullable(models.find(({ name }) => name === ref.name)).pipe(
        Effect.mapError(() => new ModelNotFound({ query: ref.text }))
      ),
    describe: (location) => Effect.orDie(Effect.fromNullable(models.find(({ name }) => name === location.name)))
  })
  const health = Health.of({
    check: ({ name }) => Effect.succeed(reports[name] ?? sound),
    runtimeProblem: ({ name }) => Effect.succeed(reports[name]?.runtimeReason ?? null),
    foresee: ({ name }) => Effect.succeed(reports[name]?.runtimeReason ?? null)
  })
  return Layer.mergeAll(
    Layer.succeed(Cache, cache),
    Layer.succeed(Health, health),
    layerSettings({ hubCache: `${HOME}/hub`, home: HOME }),
    Layer.mock(Runner, { generate: () => Stream.fromIterable(answer(["Hel", "lo"])), ...runner })
  )
}

const collecting = (lines: Array<LogLine>) =>
  Layer.merge(
    Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ annotations, logLevel, message }) => {
        const text = Array.isArray(message) ? message.join(" ") : String(message)
        lines.push({
          level: logLevel.label,
          message: text,
          annotations: Object.fromEntries(HashMap.toEntries(annotations))
        })
      })
    ),
    Logger.minimumLogLevel(LogLevel.Debug)
  )

/** Serves in the background of the scope; returns once requests are answered. */
export const startServer = (setup: ServerSetup = {}) =>
  Effect.gen(function* () {
    const lines: Array<LogLine> = []
    const bound = yield* Deferred.make<number>()
    const server = yield* serve({
      host: "127.0.0.1",
      port: 0,
      model: null,
      maxTokens: null,
      ...setup.serve,
      onListening: ({ port }) => Deferred.succeed(bound, port)
    }).pipe(Effect.provide(services(setup)), Effect.provide(collecting(lines)), Effect.forkScoped)
    const port = yield* Effect.raceFirst(Deferred.await(bound), Fiber.join(server))
    return {
      port,
      url: `http://127.0.0.1:${port}`,
      lines,
      /** The finished access lines. They are written after the answer is sent, so wait for them by stopping the server. */
      accessLines: () => lines.filter(({ message }) => message === "request"),
      /** Interrupts as a signal does; returns when every socket is closed. */
      stop: Fiber.interrupt(server)
    }
  })

export const get = (url: string, init: RequestInit = {}) => Effect.promise(() => fetch(url, init))

export const postJson = (url: string, body: unknown, init: RequestInit = {}) =>
  get(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init
  })

export const json = (response: Response) => Effect.promise((): Promise<unknown> => response.json())
export const text = (response: Response) => Effect.promise(() => response.text())

/** Sends these very bytes, then the end of its side if told so, and returns everything until the server closes. */
export const raw = (port: number, request: string, then: "wait" | "end" = "wait") =>
  Effect.async<string>((resume) => {
    const send = () => (then === "end" ? socket.end(request) : socket.write(request))
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, send)
    let received = ""
    socket.setEncoding("utf8")
    socket.on("data", (data) => {
      received += data
    })
    socket.on("end", () => socket.end())
    socket.on("close", () => resume(Effect.succeed(received)))
    socket.on("error", () => resume(Effect.succeed(received)))
    return Effect.sync(() => socket.destroy())
  })

/** A POST of JSON as raw bytes. */
export const rawPost = (path: string, body: unknown, headers: ReadonlyArray<string> = []): string => {
  const json = JSON.stringify(body)
  const length = `Content-Length: ${Buffer.byteLength(json)}`
  return [`POST ${path} HTTP/1.1`, "Host: localhost", length, ...headers, "", json].join("\r\n")
}
