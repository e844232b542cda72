/** Uploads of Git LFS objects: ask what is missing, send it whole or in parts, complete, verify. */
import { Effect } from "effect"
import { type HubError, UploadFailed } from "../../domain/Errors.js"
import type { LocalFile, PushEvent } from "../../domain/Push.js"
import { HubClient } from "../Client.js"
import type { Subject } from "../Failures.js"
import { repoPath } from "../Hub.js"
import { type AddressExpired, sendPiece } from "./Bytes.js"
import { type ObjectPlan, objectPlans, type Verify } from "./Plan.js"

/** A large file and its SHA-256. */
export interface LargeFile extends LocalFile {
  readonly sha256: string
}

export interface Target {
  readonly repo: string
  readonly branch: string
  /** The directory of the files, absolute. */
  readonly root: string
}

type Emit = (event: PushEvent) => void
type StoreError = HubError | UploadFailed

/** Objects of one batch call. */
const BATCH_OBJECTS = 100
/** Connections that send at the same time. */
const FILES_AT_ONCE = 2
const PARTS_AT_ONCE = 4
/** Plans asked for per file: signed addresses expire on the way. */
const MAX_PLANS = 3

const LFS_JSON = "application/vnd.git-lfs+json"
const lfsHeaders = { accept: LFS_JSON, "content-type": LFS_JSON }

const about = ({ branch, repo }: Target): Subject => ({ operation: `the upload to ${repo}`, repo, revision: branch })

const failed = ({ repo }: Target, { path }: LocalFile, problem: string) =>
  new UploadFailed({ repo, problem: `${path}: ${problem}` })

const plansFor = (target: Target, files: ReadonlyArray<LargeFile>) =>
  Effect.gen(function* () {
    const client = yield* HubClient
    const sizes = new Map(files.map(({ sha256, size }) => [sha256, size]))
    const { value } = yield* client.json(
      {
        url: `/${repoPath(target.repo)}.git/info/lfs/objects/batch`,
        method: "POST",
        headers: lfsHeaders,
        body: JSON.stringify({
          operation: "upload",
          transfers: ["basic", "multipart"],
          hash_algo: "sha256",
          ref: { name: target.branch },
          objects: [...sizes].map(([oid, size]) => ({ oid, size }))
        }),
        access: "write"
      },
      about(target)
    )
    return yield* Effect.mapError(
      objectPlans(value, sizes),
      (problem) => new UploadFailed({ repo: target.repo, problem })
    )
  })

const verified = (target: Target, { sha256, size }: LargeFile, verify: Verify | null) =>
  Effect.gen(function* () {
    if (verify === null) return
    const client = yield* HubClient
    const body = JSON.stringify({ oid: sha256, size })
    const headers = { ...lfsHeaders, ...verify.headers }
    yield* client.json({ url: verify.url, method: "POST", headers, body, access: "write" }, about(target))
  })

const UNPLANNED: ObjectPlan = { _tag: "Refused", problem: "the Hub's upload plan leaves it out" }

type Sendable = Extract<ObjectPlan, { readonly verify: Verify | null }>

const sendWhole = (target: Target, file: LargeFile, plan: Extract<ObjectPlan, { _tag: "Whole" }>, emit: Emit) => {
  const piece = { ...plan, root: target.root, file, start: 0, end: file.size }
  return sendPiece(piece, about(target).operation, (sent) =>
    emit({ _tag: "Sent", path: file.path, sent, size: file.size })
  )
}

/** A part that was sent stays sent: only the one that failed is repeated. */
const sendParts = (target: Target, file: LargeFile, plan: Extract<ObjectPlan, { _tag: "Parts" }>, emit: Emit) =>
  Effect.gen(function* () {
    const client = yield* HubClient
    const progress = new Map<number, number>()
    const report = (number: number) => (bytes: number) => {
      progress.set(number, bytes)
      const sent = [...progress.values()].reduce((sum, part) => sum + part, 0)
      emit({ _tag: "Sent", path: file.path, sent, size: file.size })
    }
    const parts = yield* Effect.forEach(
      plan.parts,
      ({ end, number, start, url }) =>
        Effect.gen(function* () {
          const piece = { url, headers: {}, root: target.root, file, start, end }
          const etag = yield* sendPiece(piece, about(target).operation, report(number))
          if (etag === null) return yield* failed(target, file, "the storage names no ETag for a part")
          return { partNumber: number, etag }
        }),
      { concurrency: PARTS_AT_ONCE }
    )
    yield* client.json(
      {
        url: plan.completeUrl,
        method: "POST",
        headers: lfsHeaders,
        body: JSON.stringify({ oid: file.sha256, parts }),
        access: "write"
      },
      about(target)
    )
  })

const carriedOut = (target: Target, file: LargeFile, plan: Sendable, emit: Emit) =>
  (plan._tag === "Whole" ? sendWhole(target, file, plan, emit) : sendParts(target, file, plan, emit)).pipe(
    Effect.zipRight(verified(target, file, plan.verify))
  )

const store = (
  target: Target,
  file: LargeFile,
  plan: ObjectPlan,
  emit: Emit,
  plans = 1
): Effect.Effect<void, StoreError, HubClient> => {
  const stored = (alreadyThere: boolean) =>
    Effect.sync(() => emit({ _tag: "Stored", path: file.path, size: file.size, alreadyThere }))
  switch (plan._tag) {
    case "Stored":
      return stored(true)
    case "Refused":
      return Effect.flatMap(HubClient, ({ shown }) => failed(target, file, shown(plan.problem)))
    default:
      return carriedOut(target, file, plan, emit).pipe(
        Effect.zipRight(stored(false)),
        Effect.catchTag("AddressExpired", ({ status }: AddressExpired) =>
          plans === MAX_PLANS
            ? Effect.fail(failed(target, file, `the storage refuses it (HTTP ${status})`))
            : Effect.flatMap(plansFor(target, [file]), (fresh) =>
                store(target, file, fresh.get(file.sha256) ?? UNPLANNED, emit, plans + 1)
              )
        )
      )
  }
}

const chunks = <A>(items: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))

/** Stores every object that the Hub lacks, each content once. Plans are asked for just before they are used: they expire. */
export const storeLargeFiles = (
  target: Target,
  files: ReadonlyArray<LargeFile>,
  emit: Emit
): Effect.Effect<void, StoreError, HubClient> =>
  Effect.forEach(
    chunks(files, BATCH_OBJECTS),
    (chunk) =>
      Effect.flatMap(plansFor(target, chunk), (plans) =>
        Effect.forEach(chunk, (file) => store(target, file, plans.get(file.sha256) ?? UNPLANNED, emit), {
          concurrency: FILES_AT_ONCE,
          discard: true
        })
      ),
    { discard: true }
  )
