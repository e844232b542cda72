/** The download half of the fake Hub: `resolve` with redirects to signed addresses, and the storage behind them. */

import { createReadStream } from "node:fs"
import type { ServerResponse } from "node:http"
import { setTimeout } from "node:timers/promises"
import type { Content, Store, StoredFile } from "./Store.js"
import { treeAt } from "./Store.js"
import type { Routes } from "./Upload.js"
import { type BodyTrouble, type Call, refuse } from "./Wire.js"

export interface DownloadOptions {
  readonly store: Store
  /** Bytes per second over all connections; no limit when absent. */
  readonly maxRate?: number | undefined
  /** Where signed addresses lead. */
  readonly storage: () => string
}

/** What was sent; tests look at it and change it. */
export interface DownloadRecord {
  /** Bytes of file bodies handed to sockets. */
  sentBytes: number
  /** Signed addresses made before are no longer good: the storage answers 403. */
  expireAll: () => void
  /** Redirects that large files take inside the Hub before they leave it. */
  hops: number
}

interface Stretch {
  readonly from: number
  /** Exclusive. */
  readonly to: number
  readonly partial: boolean
}

const stretchOf = (header: string | undefined, size: number): Stretch | null => {
  const [, from, last] = /^bytes=(\d+)-(\d*)$/.exec(header ?? "") ?? []
  if (from === undefined) return { from: 0, to: size, partial: false }
  const to = last === undefined || last === "" ? size : Math.min(size, Number(last) + 1)
  return Number(from) < to ? { from: Number(from), to, partial: true } : null
}

const PIECE_BYTES = 256 * 1024
/** A slow line brings little at a time, but no less than this: about half a millisecond's worth. */
const LEAST_PIECE_BYTES = 16 * 1024
const PIECES_PER_SECOND = 2000

const pieceBytesOf = (rate: number | undefined): number =>
  rate === undefined ? PIECE_BYTES : Math.min(PIECE_BYTES, Math.max(LEAST_PIECE_BYTES, rate / PIECES_PER_SECOND))

/** A timer is late by a millisecond or more: what it cost may be caught up, as far as this. */
const CATCH_UP_MS = 5
/** Shorter waits are left to the next piece. */
const SHORTEST_WAIT_MS = 2

/** The bytes of all connections, one after the other on one line: answers how long a piece has to wait for its end. */
const makeLine = (rate: number) => {
  let free = performance.now()
  return (bytes: number): number => {
    const now = performance.now()
    free = Math.max(free, now - CATCH_UP_MS) + (bytes / rate) * 1000
    return free - now < SHORTEST_WAIT_MS ? 0 : free - now
  }
}

/** The bytes of a content from `from` to `to`, in pieces. */
async function* piecesOf(content: Content, from: number, to: number, pieceBytes: number): AsyncGenerator<Buffer> {
  if (content === null || from >= to) return
  if (Buffer.isBuffer(content)) {
    for (let at = from; at < to; at += pieceBytes) yield content.subarray(at, Math.min(to, at + pieceBytes))
  } else if ("file" in content) {
    for await (const piece of createReadStream(content.file, { start: from, end: to - 1 })) yield Buffer.from(piece)
  } else {
    const { block } = content
    for (let at = from; at < to; ) {
      const offset = at % block.length
      const piece = block.subarray(offset, Math.min(block.length, offset + (to - at), offset + pieceBytes))
      at += piece.length
      yield piece
    }
  }
}

/** Ends when the socket takes more, or is gone. */
const room = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      response.off("drain", done).off("close", done)
      resolve()
    }
    response.on("drain", done).on("close", done)
  })

/** A copy of the piece with one wrong bit, when the position lies in it. */
const flipped = (piece: Buffer, position: number): Buffer => {
  if (position < 0 || position >= piece.length) return piece
  const copy = Buffer.from(piece)
  copy[position] = (copy[position] ?? 0) ^ 1
  return copy
}

const isTrouble = <Key extends string>(
  trouble: BodyTrouble | null,
  key: Key
): trouble is Extract<BodyTrouble, Record<Key, unknown>> => trouble !== null && key in trouble

export const downloadRoutes = (
  options: DownloadOptions
): { readonly routes: Routes; readonly record: DownloadRecord } => {
  const { store } = options
  let generation = 0
  const record: DownloadRecord = {
    sentBytes: 0,
    hops: 0,
    expireAll: () => {
      generation++
    }
  }

  const headersOf = (file: Pick<StoredFile, "size">, { from, partial, to }: Stretch, trouble: BodyTrouble | null) => {
    const shift = isTrouble(trouble, "shiftRange") ? trouble.shiftRange : 0
    const off = isTrouble(trouble, "lengthOff") ? trouble.lengthOff : 0
    return {
      "accept-ranges": "bytes",
      "content-type": "application/octet-stream",
      "content-length": String(to - from + off),
      ...(partial ? { "content-range": `bytes ${from + shift}-${to - 1 + shift}/${file.size}` } : {}),
      ...(isTrouble(trouble, "encoding") ? { "content-encoding": trouble.encoding } : {})
    }
  }

  const pieceBytes = Math.floor(pieceBytesOf(options.maxRate))
  const waitOnLine = options.maxRate === undefined ? () => 0 : makeLine(options.maxRate)

  const write = async (response: ServerResponse, piece: Buffer) => {
    const waitMs = waitOnLine(piece.length)
    if (waitMs > 0) await setTimeout(waitMs)
    if (response.destroyed) return
    record.sentBytes += piece.length
    if (!response.write(piece)) await room(response)
  }

  /** Ends a body early, in the way that was asked for. */
  const breakOff = (response: ServerResponse, how: "drop" | "reset" | "stall" | "end") => {
    const { socket } = response
    if (how === "drop") socket?.destroy()
    if (how === "reset") socket?.resetAndDestroy()
    if (how === "end") response.end(() => socket?.destroy())
  }

  const send = async (call: Call, file: Pick<StoredFile, "size" | "content">, extra: Record<string, string>) => {
    const { response, trouble } = call
    const asked = isTrouble(trouble, "ignoreRange") ? undefined : call.request.headers.range
    const stretch = stretchOf(asked, file.size)
    if (stretch === null) {
      response.writeHead(416, { "content-range": `bytes */${file.size}` }).end()
      return
    }
    // A body that is longer or shorter than announced is no body for Node's own checks.
    response.strictContentLength = false
    response.writeHead(stretch.partial ? 206 : 200, { ...headersOf(file, stretch, trouble), ...extra })
    if (call.method === "HEAD") return response.end()
    const broken = isTrouble(trouble, "afterBytes") ? trouble : null
    const flipAt = isTrouble(trouble, "flipAt") ? trouble.flipAt : -1
    const to = broken === null ? stretch.to : Math.min(stretch.to, stretch.from + broken.afterBytes)
    let sent = 0
    for await (const piece of piecesOf(file.content, stretch.from, to, pieceBytes)) {
      if (response.destroyed) return
      await write(response, flipped(piece, flipAt - sent))
      sent += piece.length
    }
    if (broken !== null) return breakOff(response, broken.ending)
    if (isTrouble(trouble, "lengthOff")) return breakOff(response, "end")
    response.end()
  }

  const resolve = async (call: Call, name: string, revision: string, path: string): Promise<void> => {
    const repo = store.repos.get(name)
    if (repo === undefined || (repo.private && call.token === null)) {
      return refuse(call, 401, "RepoNotFound", "Repository not found")
    }
    const found = treeAt(repo, revision)
    if (found === null) return refuse(call, 404, "RevisionNotFound", `Invalid rev id: ${revision}`)
    const file = found.tree.get(path)
    if (file === undefined) return refuse(call, 404, "EntryNotFound", "Entry not found")
    const about = { "x-repo-commit": found.commit, etag: `"${file.etag}"` }
    if (!file.lfs) return send(call, file, about).then(() => undefined)
    const hop = Number(call.url.searchParams.get("hop") ?? "0")
    const location =
      hop < record.hops
        ? `${call.url.pathname}?hop=${hop + 1}`
        : `${options.storage()}/files/${file.etag}?signature=${generation}`
    call.response.writeHead(302, {
      location,
      "x-repo-commit": found.commit,
      "x-linked-size": String(file.size),
      "x-linked-etag": `"${file.etag}"`
    })
    call.response.end()
  }

  const storage = async (call: Call, etag: string): Promise<void> => {
    if (call.url.searchParams.get("signature") !== String(generation)) {
      call.response
        .writeHead(403, { "content-type": "application/xml" })
        .end("<Error><Code>AccessDenied</Code></Error>")
      return
    }
    const object = store.objects.get(etag)
    if (object === undefined) return refuse(call, 404, null, "no such object")
    await send(call, object, { etag: `"${etag}"` })
  }

  return {
    record,
    routes: async (call) => {
      if (call.method !== "GET" && call.method !== "HEAD") return false
      const [first = "", second = "", verb, revision = "", ...path] = call.path
      if (first === "files" && verb === undefined) await storage(call, second)
      else if (verb === "resolve") await resolve(call, `${first}/${second}`, revision, path.join("/"))
      else return false
      return true
    }
  }
}
