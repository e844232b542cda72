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

/** One file in ranges by as many processes, or the files by one process over twice as many connections. */
const fetched = async ({ files, mib }: Case, endpoint: string, directory: string): Promise<Ended> => {
  const url = `${endpoint}/${REPO}/resolve/main`
  if (files > 1) {
    const names = `weights/[000-${String(files - 1).padStart(3, "0")}].safetensors`
    const output = join(directory, "#1")
    return timed("curl", ["-sSfLZ", "--parallel-max", String(2 * CONNECTIONS), "-o", output, `${url}/${names}`], {})
  }
  const part = Math.ceil((mib * MIB) / CONNECTIONS)
  const parts = Array.from({ length: CONNECTIONS }, (_, index) => {
    const range = `${index * part}-${(index + 1) * part - 1}`
    return timed("curl", ["-sSfL", "-r", range, "-o", join(directory, String(index)), `${url}/model.safetensors`], {})
  })
  return together(await Promise.all(parts), "side by side")
}

const piecesIn = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory)
    .toSorted((left, right) => left.localeCompare(right, "en", { numeric: true }))
    .map((name) => join(directory, name))

/** Leaves a file in sixteen pieces, and nobody looks whether the bytes are right. */
export const curl: Program = (measured, endpoint) =>
  withDirectory((directory) => fetched(measured, endpoint, directory))

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
