/**
 * Open sockets and the answers they still owe. Node's own `closeIdleConnections` overlooks a socket on which no request came
 * yet, and clients like to open such in advance: one would hold up every shutdown.
 */
import type { Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { watchHalfClosed } from "./HalfClosed.js"

export interface Sockets {
  /** Closes each socket as soon as it owes no answer; those that owe none at once. */
  readonly release: () => void
  /** The answer that is the socket's turn to send, if it owes one. */
  readonly current: (socket: Socket) => ServerResponse | undefined
}

/**
 * Tells the answers of a closed socket that nobody will read them. Node tells only the one whose turn it was: to the
 * pipelined ones behind it no socket was assigned yet, and their generations would run to the end.
 */
const abandon = (owed: ReadonlySet<ServerResponse>) => {
  for (const response of owed) {
    if (response.socket !== null) continue
    response.destroy()
    response.emit("close")
  }
}

/** Watches a server from before its first connection. */
export const watchSockets = (server: Server): Sockets => {
  const open = new Map<Socket, Set<ServerResponse>>()
  let releasing = false
  const current = (socket: Socket) => {
    for (const response of open.get(socket) ?? []) if (response.socket === socket) return response
    return undefined
  }
  server.on("connection", (socket: Socket) => {
    const owed = new Set<ServerResponse>()
    open.set(socket, owed)
    socket.once("close", () => {
      open.delete(socket)
      abandon(owed)
    })
    watchHalfClosed(socket, () => current(socket))
  })
  server.on("request", ({ socket }, response) => {
    const owed = open.get(socket)
    owed?.add(response)
    response.once("close", () => {
      owed?.delete(response)
      if (releasing && owed?.size === 0) socket.destroy()
    })
  })
  return {
    release: () => {
      releasing = true
      for (const [socket, owed] of open) if (owed.size === 0) socket.destroy()
    },
    current
  }
}
