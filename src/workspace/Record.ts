/** The record of a managed workspace: where it comes from, and the hash of its content (spec 01 §15.1, hash v2). */
import { createHash } from "node:crypto"
import { createReadStream, statSync } from "node:fs"
import { open } from "node:fs/promises"
import { basename, join } from "node:path"
import { byCodePoint } from "../domain/CachedModel.js"
import type { LocalFile } from "../domain/Push.js"
import type { Origin } from "../services/Clones.js"
import { walk } from "./Walk.js"

export const RECORD_FILE = ".mlxk_workspace.json"

/** Clutter that isn't content; a name with a slash at its end is a directory's. Written into the record, so that it stays. */
const EXCLUDED: ReadonlyArray<string> = [
  ".hf_cache/",
  RECORD_FILE,
  ".git/",
  ".github/",
  "__pycache__/",
  ".vscode/",
  ".idea/",
  ".ipynb_checkpoints/",
  ".mypy_cache/",
  ".pytest_cache/",
  ".ruff_cache/",
  ".tox/",
  "node_modules/",
  ".venv/",
  "venv/",
  "*.lock",
  "*.tmp",
  "*.log",
  "*.bak",
  ".DS_Store",
  "._*",
  ".Spotlight-V100/",
  ".Trashes/",
  ".fseventsd/",
  ".TemporaryItems/",
  ".apdisk",
  "Icon\r",
  "Thumbs.db",
  "desktop.ini",
  "$RECYCLE.BIN/",
  "System Volume Information/",
  "*~",
  ".*.swp",
  ".*.swo"
]

const GIB = 2 ** 30
/** Beyond this a file is known by its name and size. */
const WHOLE_FILE_BYTES = GIB
const MAX_HEADER_BYTES = 100 * 2 ** 20

/** A pattern with `*` only, against a whole name. */
const glob = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split("*")
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
      .join("[^]*")}$`
  )

const directories = new Set(EXCLUDED.filter((name) => name.endsWith("/")).map((name) => name.slice(0, -1)))
const fileNames = EXCLUDED.filter((name) => !name.endsWith("/")).map(glob)

const isContent = ({ path }: LocalFile): boolean => {
  const above = path.split("/")
  const name = above.pop() ?? ""
  return !above.some((directory) => directories.has(directory)) && !fileNames.some((pattern) => pattern.test(name))
}

/** The header is what tells one safetensors file from another without reading gigabytes. Null for a damaged one. */
const headerHash = async (file: string): Promise<string | null> => {
  const handle = await open(file, "r")
  try {
    const prefix = Buffer.alloc(8)
    const { bytesRead } = await handle.read(prefix, 0, 8, 0)
    const length = bytesRead === 8 ? Number(prefix.readBigUInt64LE()) : 0
    if (length === 0 || length > MAX_HEADER_BYTES) return null
    const header = Buffer.alloc(length)
    const read = await handle.read(header, 0, length, 8)
    return read.bytesRead === length ? createHash("sha256").update(header).digest("hex") : null
  } finally {
    await handle.close()
  }
}

const wholeHash = async (file: string): Promise<string> => {
  const hash = createHash("sha256")
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return hash.digest("hex")
}

const entryHash = async (root: string, { path, size }: LocalFile): Promise<string | null> => {
  const file = join(root, path)
  if (path.endsWith(".safetensors")) return headerHash(file)
  if (size <= WHOLE_FILE_BYTES) return wholeHash(file)
  return createHash("sha256")
    .update(`${basename(path)}\0${size}`)
    .digest("hex")
}

interface Entry {
  readonly path: string
  readonly size: number
  readonly modifiedNs: bigint
  readonly sha: string
}

/** Entries in the order of their paths, in Unicode's composed form. Null when a file can't be hashed. */
const entriesOf = async (root: string): Promise<ReadonlyArray<Entry> | null> => {
  const entries: Array<Entry> = []
  for (const file of (await walk(root)).filter(isContent)) {
    const hash = await entryHash(root, file)
    if (hash === null) return null
    const { mtimeNs } = statSync(join(root, file.path), { bigint: true })
    const path = file.path.normalize("NFC")
    entries.push({ path, size: file.size, modifiedNs: mtimeNs, sha: `sha256:${hash}` })
  }
  return entries.sort((left, right) => byCodePoint(left.path, right.path))
}

const aggregate = (entries: ReadonlyArray<Entry>): string => {
  const hash = createHash("sha256")
  for (const { path, sha } of entries) hash.update(`${path}\0${sha}`)
  return `sha256:${hash.digest("hex")}`
}

/** Nanoseconds since 1970 don't fit a JavaScript number, so the entries are written by hand. */
const entryJson = ({ modifiedNs, path, sha, size }: Entry): string =>
  `{"path":${JSON.stringify(path)},"size":${size},"mtime_ns":${modifiedNs},"sha":${JSON.stringify(sha)}}`

/**
 * The text of a clone's record. A directory with a file that can't be hashed has a record without a hash. `now` is UTC; the
 * directory holds plain files only.
 */
export const recordText = async (root: string, { commit, repo, version }: Origin, now: Date): Promise<string> => {
  const entries = await entriesOf(root).catch(() => null)
  const head = {
    mlxk_version: version,
    created_at: `${now.toISOString().slice(0, 19)}Z`,
    managed: true,
    operation: "clone",
    source_repo: repo,
    source_revision: commit,
    hash_algorithm: "v2"
  }
  if (entries === null) return `${JSON.stringify(head, null, 2)}\n`
  const more = { content_hash: aggregate(entries), hash_modified: false, exclude_patterns: EXCLUDED }
  const open = JSON.stringify({ ...head, ...more }, null, 2).slice(0, -2)
  return `${open},\n  "file_index": [\n    ${entries.map(entryJson).join(",\n    ")}\n  ]\n}\n`
}
