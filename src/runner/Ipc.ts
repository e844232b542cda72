/**
 * Carries the protocol over the IPC channel of a child process, both ends. The library's own transport for workers keeps a
 * pool and starts dead processes again by itself; a supervisor that reports crashes needs a plain channel.
 */
import type { ChildProcess } from "node:child_process"
import * as RpcClient from "@effect/rpc/RpcClient"
import type { FromClientEncoded, FromServerEncoded } from "@effect/rpc/RpcMessage"
import * as RpcServer from "@effect/rpc/RpcServer"
import { Effect, Mailbox, Runtime, type Scope } from "effect"

const CLIENT_ID = 0

const hasTag = (message: unknown): message is { readonly _tag: string } =>
  typeof message === "object" && message !== null && "_tag" in message && typeof message._tag === "string"

const CLIENT_TAGS = new Set<FromClientEncoded["_tag"] | string>(["Request", "Ack", "Interrupt"])
const isFromClient = (message: unknown): message is FromClientEncoded =>
  hasTag(message) && CLIENT_TAGS.has(message._tag)

const SERVER_TAGS = new Set<FromServerEncoded["_tag"] | string>(["Chunk", "Exit", "Defect"])
const isFromServer = (message: unknown): message is FromServerEncoded =>
  hasTag(message) && SERVER_TAGS.has(message._tag)

/** A send to a process that is gone is nothing: whoever waits for an answer hears of its exit. */
const ignoreClosed = () => {}

/** The supervisor's end: requests to `child`. */
export const clientProtocol = (child: ChildProcess): Effect.Effect<RpcClient.Protocol["Type"], never, Scope.Scope> =>
  RpcClient.Protocol.make((write) =>
    Effect.gen(function* () {
      const runFork = Runtime.runFork(yield* Effect.runtime())
      const receive = (message: unknown) => {
        if (isFromServer(message)) runFork(write(message))
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => child.on("message", receive)),
        () => Effect.sync(() => child.off("message", receive))
      )
      return {
        send: (message: FromClientEncoded) =>
          Effect.sync(() => {
            child.send(message, ignoreClosed)
          }),
        supportsAck: true,
        supportsTransferables: false
      }
    })
  )

/** The engine process's end: requests of the parent. */
export const serverProtocol: Effect.Effect<RpcServer.Protocol["Type"], never, Scope.Scope> = RpcServer.Protocol.make(
  (write) =>
    Effect.gen(function* () {
      const runFork = Runtime.runFork(yield* Effect.runtime())
      const disconnects = yield* Mailbox.make<number>()
      const receive = (message: unknown) => {
        if (isFromClient(message)) runFork(write(CLIENT_ID, message))
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => process.on("message", receive)),
        () => Effect.sync(() => process.off("message", receive))
      )
      return {
        disconnects,
        send: (_: number, message: FromServerEncoded) =>
          Effect.sync(() => {
            process.send?.(message, undefined, undefined, ignoreClosed)
          }),
        end: () => Effect.void,
        clientIds: Effect.succeed(new Set([CLIENT_ID])),
        initialMessage: Effect.succeedNone,
        supportsAck: true,
        supportsTransferables: false,
        supportsSpanPropagation: false
      }
    })
)
