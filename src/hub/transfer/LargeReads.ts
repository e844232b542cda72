/**
 * Connections for bytes in bulk. Node gives a socket's bytes away in new buffers of 64 KiB, which costs more than half of a
 * fast download's time; here all plain connections read into the same large buffer, which so stays in the processor's cache.
 * undici does the rest, as ever.
 */
import type { Socket } from "node:net"
import { buildConnector } from "undici"

const BUFFER_BYTES = 512 * 1024

/**
 * A read up to this size is handed on as a copy. undici keeps views of a head that isn't complete yet; a head begins with a
 * read of its own and is smaller than this (undici refuses heads beyond 16 KiB).
 */
export const COPIED_BYTES = 64 * 1024

/** Reads into the shared buffer; a read is over before the next one of any connection. */
const largeReads = (buffer: Uint8Array) => {
  let socket: Socket | null = null
  let pending: Uint8Array | null = null

  /** False stops reading until somebody asks for more. */
  const arrived = (count: number): boolean => {
    const bytes = buffer.subarray(0, count)
    pending = count <= COPIED_BYTES ? Buffer.from(bytes) : bytes
    socket?.emit("readable")
    if (pending === null) return true
    pending = Buffer.from(pending)
    return false
  }

  const take = (wanted: number | undefined, held: () => Uint8Array | null): Uint8Array | null => {
    if (wanted === 0) return held()
    if (pending === null || socket?.readableLength !== 0) return held()
    const taken = pending
    pending = null
    return taken
  }

  /** Lets undici read from there; what it gives back outlives the buffer's next use. */
  const attach = (opened: Socket) => {
    const read = opened.read.bind(opened)
    const unshift = opened.unshift.bind(opened)
    socket = opened
    opened.read = (wanted) => take(wanted, () => read(wanted))
    opened.unshift = (bytes, encoding) => unshift(Buffer.from(bytes), encoding)
  }
  return { attach, onread: { buffer, callback: arrived } }
}

/** Connects as undici does; TLS has buffers of its own. What arrives is valid until the handler of the data returns. */
export const connectForBulk = (common: buildConnector.BuildOptions): buildConnector.connector => {
  const secure = buildConnector(common)
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  return (options, callback) => {
    if (options.protocol !== "http:") return secure(options, callback)
    const { attach, onread } = largeReads(buffer)
    buildConnector({ ...common, onread })(options, (...outcome) => {
      const [, socket] = outcome
      if (socket !== null) attach(socket)
      callback(...outcome)
    })
  }
}
