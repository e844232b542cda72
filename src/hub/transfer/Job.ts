/** One file that is being fetched: its part, the chunks nobody works on, where its bytes come from. */
import type { RepoFile } from "../../services/Hub.js"
import type { FileHash, Hasher } from "./Hasher.js"
import { type Chunk, open, type Part, type PartPlace } from "./Part.js"

export interface Job {
  readonly file: RepoFile
  /** Null until its first request, so that a repo of 100,000 files has few of them open. */
  opened: Opened | null
  /** Requests under way. */
  active: number
  /** The server knows no ranges for this file: one request fetches all of it. */
  whole: boolean
  /** Where the Hub sent us; null before that, and when that has expired. */
  location: URL | null
  /** How often the bytes had another hash, not counting those of an earlier run. */
  mismatches: number
}

interface Opened {
  readonly part: Part
  hash: FileHash | null
  /** Chunks to fetch, the next one last. */
  pending: Array<Chunk>
  /** Holds bytes of an earlier run. */
  resumed: boolean
}

export const makeJob = (file: RepoFile): Job => ({
  file,
  opened: null,
  active: 0,
  whole: false,
  location: null,
  mismatches: 0
})

/** Files up to this size are hashed at once; larger ones by the thread. */
const SMALL_BYTES = 256 * 1024

const pendingOf = (part: Part): Array<Chunk> =>
  part.chunks.filter(({ done, end, start }) => done < end - start).toReversed()

/** Opens the part. Throws the system's errors. */
export const openJob = (job: Job, place: PartPlace, hasher: Hasher): Opened => {
  const part = open(place, job.file)
  const opened: Opened = {
    part,
    hash: job.file.size > SMALL_BYTES ? hasher.open(part.path, job.file) : null,
    pending: pendingOf(part),
    resumed: part.doneBytes() > 0
  }
  job.opened = opened
  return opened
}

/** Throws the bytes away and begins again. */
export const restartJob = (job: Job, hasher: Hasher) => {
  const { file, opened } = job
  if (opened === null) return
  opened.part.reset()
  if (opened.hash !== null) opened.hash = hasher.open(opened.part.path, file)
  if (!opened.resumed) job.mismatches++
  opened.resumed = false
  opened.pending = pendingOf(opened.part)
}
