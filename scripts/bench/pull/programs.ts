/** The programs that are compared: each brings the repo of a case into a new directory. */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { type Ended, timed, together, withDirectory } from "./processes.js"

export const REPO = "acme/blocks"
const MIB = 2 ** 20

/** A repo on a Hub, and how the Hub serves it. */
export interface Case {
  readonly name: string
  readonly files: number
  /** Of each file. */
  readonly mib: number
  /** Before every answer. */
  readonly latencyMs: number
  readonly zeros: boolean
  /** Bytes per second of all downloads together; null for as many as go. */
  readonly rate: number | null
}

export type Program = (measured: Case, endpoint: string) => Promise<Ended>

export const pull: Program = (_, endpoint) =>
  withDirectory((home) =>
    timed(process.execPath, ["dist/mlxk.cjs", "pull", REPO, "--json"], { HF_HOME: home, HF_ENDPOINT: endpoint })
  )

export const hfAt =
  (path: string): Program =>
  (_, endpoint) =>
    withDirectory((home) =>
      timed(path, ["download", REPO], {
        HF_HOME: home,
        HF_ENDPOINT: endpoint,
        HF_HUB_DISABLE_XET: "1",
        HF_HUB_DISABLE_PROGRESS_BARS: "1"
      })
    )

const CONNECTIONS = 16

const rangesOf = (mib: number): ReadonlyArray<string> => {
  const part = Math.ceil((mib * MIB) / CONNECTIONS)
  return Array.from({ length: CONNECTIONS }, (_, index) => `${index * part}-${(index + 1) * part - 1}`)
}

/** One process over many connections: the files, or one file in ranges. */
const inParallel = ({ files, mib }: Case, endpoint: string, directory: string): Promise<Ended> => {
  const base = `${endpoint}/${REPO}/resolve/main`
  const last = String(files - 1).padStart(3, "0")
  const urls =
    files === 1
      ? rangesOf(mib).map((range, index) => [
          "-r",
          range,
          "-o",
          join(directory, String(index)),
          `${base}/model.safetensors`
        ])
      : [["-o", join(directory, "#1"), `${base}/weights/[000-${last}].safetensors`]]
  const connections = String(files === 1 ? CONNECTIONS : 2 * CONNECTIONS)
  return timed("curl", ["-Z", "--parallel-max", connections, ...urls.flatMap((url) => ["--next", "-sSfL", ...url])], {})
}

/** One file in ranges by as many processes. */
const sideBySide = async ({ mib }: Case, endpoint: string, directory: string): Promise<Ended> => {
  const url = `${endpoint}/${REPO}/resolve/main/model.safetensors`
  const parts = rangesOf(mib).map((range, index) =>
    timed("curl", ["-sSfL", "-r", range, "-o", join(directory, String(index)), url], {})
  )
  return together(await Promise.all(parts), "side by side")
}

/** The fastest way with curl. */
const fetched = (measured: Case, endpoint: string, directory: string): Promise<Ended> =>
  (measured.files === 1 ? sideBySide : inParallel)(measured, endpoint, directory)

const piecesIn = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory)
    .toSorted((left, right) => left.localeCompare(right, "en", { numeric: true }))
    .map((name) => join(directory, name))

/** Leaves one file in pieces, and nobody looks whether the bytes are right; so does `curls`. */
export const curlParallel: Program = (measured, endpoint) =>
  withDirectory((directory) => inParallel(measured, endpoint, directory))

export const curls: Program = (measured, endpoint) =>
  withDirectory((directory) => sideBySide(measured, endpoint, directory))

/** One file at the end, as from pull: the pieces behind each other. */
export const curlToOneFile: Program = (measured, endpoint) =>
  withDirectory(async (directory) => {
    const bytes = await fetched(measured, endpoint, directory)
    const joined = await timed("bash", ["-c", 'cat "$@" >> "$0"', ...piecesIn(directory)], {})
    return together([bytes, joined], "in turn")
  })

/** What pull does in one go: the bytes, and then the SHA-256 of all of them. */
export const curlAndHash: Program = (measured, endpoint) =>
  withDirectory(async (directory) => {
    const bytes = await fetched(measured, endpoint, directory)
    return together([bytes, await timed("openssl", ["dgst", "-sha256", ...piecesIn(directory)], {})], "in turn")
  })
