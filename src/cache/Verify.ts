/** Is every blob what its name says? A name is a SHA-256, or the SHA-1 of a git blob. */
import { createHash, type Hash } from "node:crypto"
import { closeSync, constants, openSync, readSync, statSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { systemCode } from "../domain/FileProblems.js"
import type { Damage, VerifyProgress, VerifyReport } from "../domain/Verification.js"
import { type Entry, idOf } from "./Entries.js"
import { eventLoopTurn } from "./Files.js"
import { receiptsOf } from "./Receipts.js"
import { type Repo, usedBlobs } from "./Repo.js"
import { type Payload, STORE } from "./SharedStore.js"

const CHUNK_BYTES = 2 ** 20

/** A blob that can be checked: the file with its content, and what its content must give. */
interface Job {
  readonly name: string
  /** Relative to the hub cache. */
  readonly path: string
  readonly entry: Entry
}

/** The line of a receipt: a blob was sound when its file looked like this. */
const receiptOf = ({ entry, name }: Job): string => `${name} ${idOf(entry)} ${entry.size} ${entry.modified}`

const SHA256_DIGITS = 64

/** A name that is a hash: SHA-256, or the SHA-1 of a git blob. */
const HASH = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

const hashFor = (name: string, size: number): Hash =>
  name.length === SHA256_DIGITS ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`)

const MISSING = "the file is missing"
const DIFFERS = "the content is not what its name says; delete the model and pull it again"

/** Hashes a file; the answer is what is wrong with it. */
function* hashed(file: number, { entry: { size }, name }: Job, chunk: Buffer): Generator<number, string | null> {
  const hash = hashFor(name, size)
  let left = size
  for (let read = -1; read !== 0 && left >= 0; left -= read) {
    read = readSync(file, chunk, 0, chunk.length, null)
    hash.update(chunk.subarray(0, read))
    yield read
  }
  return left === 0 && hash.digest("hex") === name ? null : DIFFERS
}

function* check(hub: string, job: Job, chunk: Buffer): Generator<number, string | null> {
  let file = -1
  try {
    file = openSync(join(hub, job.path), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    return yield* hashed(file, job, chunk)
  } catch (error) {
    return `it cannot be read (${systemCode(error)})`
  } finally {
    if (file !== -1) closeSync(file)
  }
}

/** Reads files one after the other and tells what is wrong with each; answers the bytes of each read. */
function* checks(
  hub: string,
  jobs: ReadonlyArray<Job>,
  tell: (job: Job, problem: string | null) => void
): Generator<number, void> {
  const chunk = Buffer.alloc(CHUNK_BYTES)
  for (const job of jobs) tell(job, yield* check(hub, job, chunk))
}

/** What a read costs besides its bytes, in bytes that are hashed in that time. */
const READ_COST_BYTES = 4096

/** Many small reads as one: an effect for each takes more memory than all that is known of ten thousand files. */
function* together(reads: Generator<number, void>): Generator<number, void> {
  let bytes = 0
  let cost = 0
  for (const read of reads) {
    bytes += read
    cost += read + READ_COST_BYTES
    if (cost < CHUNK_BYTES) continue
    yield bytes
    bytes = 0
    cost = 0
  }
  yield bytes
}

/** Between two steps others have their turn, and the check can be interrupted. */
const run = (steps: Generator<number, void>, read: (bytes: number) => Effect.Effect<void>) =>
  Effect.acquireUseRelease(
    Effect.succeed(steps),
    () =>
      Effect.gen(function* () {
        for (const bytes of steps) yield* Effect.zipRight(read(bytes), eventLoopTurn)
      }),
    () => Effect.sync(() => steps.return())
  )

/** A link out of the cache leads to something: it isn't followed, but it isn't missing either. */
const leadsToFile = (path: string): boolean => {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** What there is to check, which blobs have no content, and how many have it elsewhere. */
const jobsOf = (hub: string, repo: Repo, store: ReadonlyMap<string, Payload>) => {
  const absent = [...usedBlobs(repo.snapshots)].filter((name) => !repo.blobs.has(name))
  const jobs: Array<Job> = []
  for (const { entry, name, partial, shared } of repo.blobs.values()) {
    if (partial || !HASH.test(name)) continue
    const payload = shared === null ? undefined : store.get(shared)
    if (entry.kind === "file") jobs.push({ name, path: `${repo.directory}/${entry.path}`, entry })
    else if (payload !== undefined) jobs.push({ name, path: `${STORE}/${payload.name}`, entry: payload.entry })
    else absent.push(name)
  }
  const missing = absent.filter((name) => !leadsToFile(join(hub, repo.directory, "blobs", name)))
  return { jobs, missing, elsewhere: absent.length - missing.length }
}

function* receipts(jobs: ReadonlyArray<Job>) {
  for (const job of jobs) yield receiptOf(job)
}

/** A file that uses the blob, which says more than the blob's name. */
const usersOf = (repo: Repo): ReadonlyMap<string, string> =>
  new Map(
    repo.snapshots.flatMap(({ entry: snapshot, files }) =>
      files.flatMap(({ blob, entry }) =>
        blob === null ? [] : [[blob, entry.path.slice(snapshot.path.length + 1)] as const]
      )
    )
  )

const damageOf = (repo: Repo, problems: ReadonlyMap<string, string>): ReadonlyArray<Damage> => {
  const users = problems.size === 0 ? new Map<string, string>() : usersOf(repo)
  return Array.from(problems, ([name, problem]) => ({ path: users.get(name) ?? `blobs/${name}`, problem }))
}

/** Files of snapshots with no blob behind them: no name tells what they should be. */
const ownFiles = (repo: Repo): number =>
  repo.snapshots
    .map(({ files }) => files.filter(({ blob, entry }) => blob === null && entry.kind === "file").length)
    .reduce((sum, count) => sum + count, 0)

/** Checks all blobs of a repo, those that need no reading first. */
export const verify = (
  hub: string,
  repo: Repo,
  store: ReadonlyArray<Payload>,
  report: (progress: VerifyProgress) => Effect.Effect<void>
): Effect.Effect<VerifyReport> =>
  Effect.gen(function* () {
    const { elsewhere, jobs, missing } = jobsOf(hub, repo, new Map(store.map((payload) => [payload.name, payload])))
    const { add, known } = yield* receiptsOf(hub, repo, receipts(jobs))
    const open = known.size === 0 ? jobs : jobs.filter((job) => !known.has(receiptOf(job)))
    const totalBytes = open.reduce((sum, { entry }) => sum + entry.size, 0)
    let doneBytes = 0
    const read = (bytes: number) =>
      Effect.suspend(() => {
        doneBytes += bytes
        return report({ doneBytes, totalBytes })
      })
    const problems = new Map(missing.map((name) => [name, MISSING]))
    const tell = (job: Job, problem: string | null) => {
      if (problem === null) add(receiptOf(job))
      else problems.set(job.name, problem)
    }
    yield* run(together(checks(hub, open, tell)), read)
    const sound = jobs.length + missing.length - problems.size
    return { damaged: damageOf(repo, problems), sound, unchecked: elsewhere + ownFiles(repo) }
  }).pipe(Effect.scoped)
