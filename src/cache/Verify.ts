/** Is every blob what its name says? A name is a SHA-256, or the SHA-1 of a git blob. */
import { createHash, type Hash } from "node:crypto"
import { closeSync, constants, openSync, readSync } from "node:fs"
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

/** Hashes a file; the answer is what is wrong with it. Between two chunks it can be interrupted. */
const check = (hub: string, { entry, name, path }: Job, chunk: Buffer, done: (bytes: number) => Effect.Effect<void>) =>
  Effect.acquireUseRelease(
    Effect.try({
      try: () => openSync(join(hub, path), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW),
      catch: systemCode
    }),
    (file) =>
      Effect.gen(function* () {
        const hash = hashFor(name, entry.size)
        let left = entry.size
        for (let read = -1; read !== 0 && left >= 0; left -= read) {
          read = yield* Effect.try({ try: () => readSync(file, chunk, 0, chunk.length, null), catch: systemCode })
          hash.update(chunk.subarray(0, read))
          yield* Effect.zipRight(done(read), eventLoopTurn)
        }
        return left === 0 && hash.digest("hex") === name ? null : DIFFERS
      }),
    (file) => Effect.sync(() => closeSync(file))
  ).pipe(Effect.catchAll((code) => Effect.succeed(`it cannot be read (${code})`)))

/** What there is to check, and which blobs have no content. */
const jobsOf = (repo: Repo, store: ReadonlyMap<string, Payload>) => {
  const missing = [...usedBlobs(repo.snapshots)].filter((name) => !repo.blobs.has(name))
  const jobs: Array<Job> = []
  for (const { entry, name, partial, shared } of repo.blobs.values()) {
    if (partial || !HASH.test(name)) continue
    const payload = shared === null ? undefined : store.get(shared)
    if (entry.kind === "file") jobs.push({ name, path: `${repo.directory}/${entry.path}`, entry })
    else if (payload !== undefined) jobs.push({ name, path: `${STORE}/${payload.name}`, entry: payload.entry })
    else missing.push(name)
  }
  return { jobs, missing }
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

/** Files of snapshots with no blob behind them. */
const unnamed = (repo: Repo): number =>
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
    const { jobs, missing } = jobsOf(repo, new Map(store.map((payload) => [payload.name, payload])))
    const { add, known } = yield* receiptsOf(hub, repo, receipts(jobs))
    const open = known.size === 0 ? jobs : jobs.filter((job) => !known.has(receiptOf(job)))
    const totalBytes = open.reduce((sum, { entry }) => sum + entry.size, 0)
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, totalBytes + 1))
    let doneBytes = 0
    const done = (bytes: number) =>
      Effect.suspend(() => {
        doneBytes += bytes
        return report({ doneBytes, totalBytes })
      })
    const problems = new Map(missing.map((name) => [name, MISSING]))
    for (const job of open) {
      const problem = yield* check(hub, job, chunk, done)
      if (problem === null) add(receiptOf(job))
      else problems.set(job.name, problem)
    }
    const sound = jobs.length + missing.length - problems.size
    return { damaged: damageOf(repo, problems), sound, unnamed: unnamed(repo) }
  }).pipe(Effect.scoped)
