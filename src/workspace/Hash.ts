/** Hashes of files that may be larger than memory. */
import { createHash, type Hash } from "node:crypto"
import { constants } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import type { LocalFile } from "../domain/Push.js"
import type { HashKind } from "../services/Workspaces.js"

const READ_BYTES = 1024 * 1024

const started = (kind: HashKind, size: number): Hash =>
  kind === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`)

const readAll = async (handle: FileHandle, hash: Hash): Promise<number> => {
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  let size = 0
  for (let count = -1; count !== 0; size += count) {
    count = (await handle.read(buffer, 0, READ_BYTES, null)).bytesRead
    hash.update(buffer.subarray(0, count))
  }
  return size
}

/** Lower case hex; null when the file isn't the one that was listed, before or after reading. Rejects when it can't be read. */
export const fileHash = async (path: string, file: LocalFile, kind: HashKind): Promise<string | null> => {
  // A pipe that took the file's place would be waited for.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    if (!(await handle.stat()).isFile()) return null
    const hash = started(kind, file.size)
    const size = await readAll(handle, hash)
    const { mtimeMs } = await handle.stat()
    return size === file.size && mtimeMs === file.modified ? hash.digest("hex") : null
  } finally {
    await handle.close()
  }
}
