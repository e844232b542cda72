/**
 * Is every blob what its name says? A name is a SHA-256, or the SHA-1 of a git blob. A receipt in the repo's directory keeps what was
 * sound, line by line, so that an interrupted check goes on and an unchanged file isn't read twice.
 */
import { createHash, type Hash } from "node:crypto"
import { appendFileSync, constants, renameSync, writeFileSync } from "node:fs"
import { open } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { systemCode } from "../domain/FileProblems.js"
import type { Damage, VerifyProgress, VerifyReport } from "../domain/Verification.js"
import { type Entry, smallText } from "./Entries.js"
import { type Blob, RECEIPTS, type Repo } from "./Repo.js"
import { type Payload, STORE } from "./SharedStore.js"

const CHUNK_BYTES = 4 * 2 ** 20
/** A line per blob; the largest repos have thousands. */
const MAX_RECEIPT_BYTES = 16 * 2 ** 20

/** The line of a receipt: a blob was sound when its file looked like this. Lines are compared, never read. */
const receiptOf = ({ entry: { id, modified, size }, name }: Job): string => `${name} ${id} ${size} ${modified}`

/** A blob that can be checked: the file with its content, and what its content must give. */
interface Job {
  readonly name: string
  readonly path: string
  readonly entry: Entry
  readonly used: string
}

const SHA256_DIGITS = 64

/** A name that is a hash: SHA-256, or the SHA-1 of a git blob. */
const HASH = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

const hashFor = (name: string, size: number): Hash =>
  name.length === SHA256_DIGITS ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`)

const MISSING = "the file is missing"
const DIFFERS = "the content is not what its name says; delete the model and pull it again"

/** Hashes a file; the answer is what is wrong with it. Between two chunks it can be interrupted. */
const check = ({ entry, name, path }: Job, done: (bytes: number) => Effect.Effect<void>) =>
  Effect.acquireUseRelease(
    Effect.tryPromise({
      try: () => open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW),
      catch: systemCode
    }),
    (file) =>
      Effect.gen(function* () {
        const hash = hashFor(name, entry.size)
        const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, Math.max(1, entry.size)))
        for (let read = -1; read !== 0; ) {
          read = (yield* Effect.tryPromise({ try: () => file.read(buffer, 0, buffer.length), catch: systemCode }))
            .bytesRead
          hash.update(buffer.subarray(0, read))
          yield* done(read)
        }
        return hash.digest("hex") === name ? null : DIFFERS
      }),
    (file) => Effect.ignore(Effect.promise(() => file.close()))
  ).pipe(Effect.catchAll((code) => Effect.succeed(`it cannot be read (${code})`)))

const usersOf = (repo: Repo): ReadonlyMap<string, string> =>
  new Map(
    repo.snapshots.flatMap(({ entry: snapshot, files }) =>
      files.flatMap(({ blob, entry }) =>
        blob === null ? [] : [[blob, entry.path.slice(snapshot.path.length + 1)] as const]
      )
    )
  )

/** What there is to check, and what is wrong before anything is read. */
const jobsOf = (hub: string, repo: Repo, store: ReadonlyMap<string, Payload>) => {
  const users = usersOf(repo)
  const damaged: Array<Damage> = []
  const jobs: Array<Job> = []
  const consider = ({ entry, name, shared }: Blob, used: string) => {
    const payload = shared === null ? undefined : store.get(shared)
    if (entry.kind === "file") jobs.push({ name, path: join(hub, repo.directory, entry.path), entry, used })
    else if (payload !== undefined)
      jobs.push({ name, path: join(hub, STORE, payload.name), entry: payload.entry, used })
    else damaged.push({ path: used, problem: MISSING })
  }
  for (const [name, used] of users) if (!repo.blobs.has(name)) damaged.push({ path: used, problem: MISSING })
  for (const blob of repo.blobs.values()) {
    if (!blob.partial && HASH.test(blob.name)) consider(blob, users.get(blob.name) ?? blob.entry.path)
  }
  return { jobs, damaged }
}

/** Keeps only the receipts that still hold; in a cache that can't be written there are none. */
const openReceipts = (path: string, jobs: ReadonlyArray<Job>): ReadonlySet<string> => {
  const current = new Set(jobs.map(receiptOf))
  const valid = (smallText(path, MAX_RECEIPT_BYTES) ?? "").split("\n").filter((line) => current.has(line))
  try {
    writeFileSync(`${path}.new`, valid.map((line) => `${line}\n`).join(""))
    renameSync(`${path}.new`, path)
  } catch {
    return new Set(valid)
  }
  return new Set(valid)
}

const keep = (path: string, line: string) => {
  try {
    appendFileSync(path, `${line}\n`)
  } catch {
    // Then this file is read again next time.
  }
}

/** Files of snapshots with no blob behind them. */
const unnamed = (repo: Repo): number =>
  repo.snapshots.flatMap(({ files }) => files).filter(({ blob, entry }) => blob === null && entry.kind === "file")
    .length

/** Checks all blobs of a repo, those that need no reading first. */
export const verify = (
  hub: string,
  repo: Repo,
  store: ReadonlyArray<Payload>,
  report: (progress: VerifyProgress) => Effect.Effect<void>
): Effect.Effect<VerifyReport> =>
  Effect.gen(function* () {
    const { damaged, jobs } = jobsOf(hub, repo, new Map(store.map((payload) => [payload.name, payload])))
    const receipts = join(hub, repo.directory, RECEIPTS)
    const known = openReceipts(receipts, jobs)
    const open = jobs.filter((job) => !known.has(receiptOf(job)))
    const totalBytes = open.reduce((sum, { entry }) => sum + entry.size, 0)
    let doneBytes = 0
    const done = (bytes: number) =>
      Effect.suspend(() => {
        doneBytes += bytes
        return report({ doneBytes, totalBytes })
      })
    for (const job of open) {
      const problem = yield* check(job, done)
      if (problem === null) keep(receipts, receiptOf(job))
      else damaged.push({ path: job.used, problem })
    }
    const bad = damaged.filter(({ problem }) => problem !== MISSING).length
    return { damaged, sound: jobs.length - bad, unnamed: unnamed(repo) }
  })
