/**
 * Open sockets and the answers they still owe. Node's own `closeIdleConnections` overlooks a socket on which no request came
 * yet, and clients like to open such in advance: one would hold up every shutdown.
 */
import type { Server } from "node:http"
import type { Socket } from "node:net"

export interface Sockets {
  /** Closes each socket as soon as it owes no answer; those that owe none at once. */
  readonly release: () => void
}

/** Watches a server from before its first connection. */
export const watchSockets = (server: Server): Sockets => {
  const owed = new Map<Socket, number>()
  let releasing = false
  const change = (socket: Socket, by: number) => {
    const count = owed.get(socket)
    if (count === undefined) return
    owed.set(socket, count + by)
    if (releasing && count + by === 0) socket.destroy()
  }
  server.on("connection", (socket: Socket) => {
    owed.set(socket, 0)
    socket.once("close", () => owed.delete(socket))
  })
  server.on("request", ({ socket }, response) => {
    change(socket, 1)
    response.once("close", () => change(socket, -1))
  })
  return {
    release: () => {
      releasing = true
      for (const [socket, count] of owed) if (count === 0) socket.destroy()
    }
  }
}
