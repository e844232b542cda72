/** A fake Hub to push to: the API on one origin, the storage of large objects on another, over real sockets. */
import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type RequestListener, type Server } from "node:http"
import { createServer as createTlsServer } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { Effect, type Scope } from "effect"
import { type DownloadRecord, downloadRoutes } from "./Download.js"
import { type Fault, makeFaults } from "./Faults.js"
import { metadataRoutes } from "./Metadata.js"
import { makeStore, type Store } from "./Store.js"
import { type UploadOptions, type UploadRecord, uploadRoutes } from "./Upload.js"
import { callOf, refuse } from "./Wire.js"

/** A request that came in. */
export interface SeenRequest {
  readonly line: string
  readonly authorization: string | null
}

export interface FakeHub {
  /** What HF_ENDPOINT must be. */
  readonly endpoint: string
  /** The storage's origin. */
  readonly storage: string
  readonly store: Store
  readonly record: UploadRecord
  readonly downloads: DownloadRecord
  readonly plan: (faults: ReadonlyArray<Fault>) => void
  /** Requests in order, of each origin. */
  readonly seen: { readonly hub: Array<SeenRequest>; readonly storage: Array<SeenRequest> }
}

export interface FakeHubOptions extends Partial<Pick<UploadOptions, "lfsFromBytes" | "partBytes" | "keepBytes">> {
  /** Bytes per second of all downloads together. */
  readonly maxRate?: number
  /** Milliseconds before every answer. */
  readonly latencyMs?: number
  /** PEM key and certificate: both origins speak TLS. */
  readonly tls?: Certificate
  /** Another one for the storage; only beside `tls`. */
  readonly storageTls?: Certificate
}

/** PEM texts. */
interface Certificate {
  readonly key: string
  readonly cert: string
}

const MIB = 2 ** 20

const listening = (server: Server, scheme: string) =>
  Effect.acquireRelease(
    Effect.async<string>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed(`${scheme}://localhost:${port}`))
      })
    }),
    () =>
      Effect.async<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  )

/** Lives as long as the scope; what was uploaded goes with it. */
export const makeFakeHub = (options: FakeHubOptions = {}): Effect.Effect<FakeHub, never, Scope.Scope> =>
  Effect.gen(function* () {
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_hub_"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
    )
    const store = makeStore()
    const faults = makeFaults()
    const seen: FakeHub["seen"] = { hub: [], storage: [] }
    const origins = { hub: "http://localhost", storage: "http://localhost" }
    const upload = uploadRoutes({
      store,
      directory,
      lfsFromBytes: options.lfsFromBytes ?? 10 * MIB,
      partBytes: options.partBytes ?? 16 * MIB,
      keepBytes: options.keepBytes ?? true,
      storage: () => origins.storage,
      hub: () => origins.hub
    })
    const metadata = metadataRoutes({ store, pageSize: 1000 })
    const downloads = downloadRoutes({ store, storage: () => origins.storage, maxRate: options.maxRate })
    const listener =
      (which: "hub" | "storage"): RequestListener =>
      (request, response) => {
        const call = callOf(request, response, origins[which])
        seen[which].push({
          line: `${call.method} ${call.url.pathname}`,
          authorization: request.headers.authorization ?? null
        })
        const answered = async () => {
          if (options.latencyMs !== undefined) await setTimeout(options.latencyMs)
          if (faults.strike(call)) return
          if ((await downloads.routes(call)) || (await upload.routes(call)) || (await metadata(call))) return
          refuse(call, 404, null, "no such address")
        }
        // A body that broke off is the test's doing.
        answered().catch(() => request.socket.destroy())
      }
    const { tls } = options
    const scheme = tls === undefined ? "http" : "https"
    const server = (certificate: Certificate | undefined, handle: RequestListener) =>
      certificate === undefined ? createServer(handle) : createTlsServer(certificate, handle)
    origins.hub = yield* listening(server(tls, listener("hub")), scheme)
    origins.storage = yield* listening(server(tls && (options.storageTls ?? tls), listener("storage")), scheme)
    return {
      endpoint: origins.hub,
      storage: origins.storage,
      store,
      record: upload.record,
      downloads: downloads.record,
      plan: faults.plan,
      seen
    }
  })
