/**
 * Connections for bytes in bulk. Node gives a socket's bytes away in new buffers of 64 KiB, which costs more than half of a
 * fast download's time; here all plain connections read into the same large buffer, which so stays in the processor's cache.
 */
import type { Socket } from "node:net"
import { buildConnector } from "undici"

const BUFFER_BYTES = 512 * 1024

/**
 * Connects as undici does. What arrives comes with the event `data`, as ever, and is valid until its listeners return. TLS has
 * buffers of its own.
 */
export const connectForBulk = (common: buildConnector.BuildOptions): buildConnector.connector => {
  const secure = buildConnector(common)
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  return (options, callback) => {
    if (options.protocol !== "http:") return secure(options, callback)
    let socket: Socket | null = null
    /** True: go on reading. */
    const arrived = (count: number): boolean => socket?.emit("data", buffer.subarray(0, count)) ?? false
    buildConnector({ ...common, onread: { buffer, callback: arrived } })(options, (...outcome) => {
      socket = outcome[1]
      callback(...outcome)
    })
  }
}
