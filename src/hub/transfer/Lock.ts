/** One process at a time fetches a repo. The others wait and say for whom; who died is taken over from. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { dirname } from "node:path"
import { Effect, Either, Option, Schedule, type Scope } from "effect"
import { alive, type Holder, mine, parsed, written } from "../../cache/Holder.js"
import { CacheIo } from "../../domain/Errors.js"
import { systemCode } from "../../domain/FileProblems.js"

const POLL_MS = 250
const HEARTBEAT_MS = 15_000
/** A holder on another host can't be looked at; without a sign of life for this long it is gone. */
const SILENT_MS = 8 * HEARTBEAT_MS

const attempt = <A>(operation: () => A): Either.Either<A, string> => Either.try({ try: operation, catch: systemCode })

/** Who holds the lock; "nobody" also when its holder is gone, "unknown" while another process writes it down. */
const holderOf = (path: string): Holder | "nobody" | "unknown" => {
  const text = attempt(() => readFileSync(path, "utf8"))
  if (Either.isLeft(text)) return "nobody"
  const age = Either.getOrElse(
    attempt(() => Date.now() - statSync(path).mtimeMs),
    () => 0
  )
  const record = Option.getOrNull(parsed(text.right))
  if (record === null) return age > SILENT_MS ? "nobody" : "unknown"
  const gone = record.host === mine().host ? !alive(record) : age > SILENT_MS
  return gone ? "nobody" : record
}

let serial = 0

/** Takes a dead holder's lock away by its name, so that of two that try only one does; a live one's is put back. */
const removeDead = (path: string) => {
  const aside = `${path}.${process.pid}-${++serial}`
  if (Either.isLeft(attempt(() => renameSync(path, aside)))) return
  if (holderOf(aside) !== "nobody") attempt(() => linkSync(aside, path))
  rmSync(aside, { force: true })
}

const firstMissing = (path: string): string => (existsSync(dirname(path)) ? path : firstMissing(dirname(path)))

/** Node says ENOENT of a volume that can't be written; the first missing directory, made alone, tells the truth. */
const makeDirectory = (path: string) => {
  const made = attempt(() => mkdirSync(path, { recursive: true }))
  if (Either.isRight(made)) return
  if (made.left === "ENOENT") mkdirSync(firstMissing(path))
  throw Object.assign(new Error(made.left), { code: made.left })
}

/** True when the lock is ours now. */
const tryLock = (path: string): boolean => {
  makeDirectory(dirname(path))
  return Either.match(
    attempt(() => writeFileSync(path, written(mine()), { flag: "wx" })),
    {
      onRight: () => true,
      onLeft: (code) => {
        if (code !== "EEXIST") throw Object.assign(new Error(code), { code })
        return false
      }
    }
  )
}

const release = (path: string) => {
  rmSync(path, { force: true })
  // Python's library may have locks of its own there.
  attempt(() => rmdirSync(dirname(path)))
}

/** Holds the lock until the scope ends. `waiting` is told once of every holder that is waited for. */
export const lock = (
  path: string,
  waiting: (holder: Holder) => Effect.Effect<void>
): Effect.Effect<void, CacheIo, Scope.Scope> =>
  Effect.gen(function* () {
    let told: number | null = null
    let held = false
    const acquire = Effect.try({
      try: () => {
        held = tryLock(path)
        return held
      },
      catch: (error) => new CacheIo({ path, problem: systemCode(error) })
    })
    const take: Effect.Effect<void, CacheIo> = Effect.gen(function* () {
      while (!(yield* acquire)) {
        const holder = holderOf(path)
        if (holder === "nobody") {
          removeDead(path)
          continue
        }
        if (holder !== "unknown" && holder.pid !== told) {
          told = holder.pid
          yield* waiting(holder)
        }
        yield* Effect.sleep(POLL_MS)
      }
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => (held ? release(path) : undefined)))
    yield* take
    const now = () => new Date()
    yield* Effect.sync(() => attempt(() => utimesSync(path, now(), now()))).pipe(
      Effect.repeat(Schedule.spaced(HEARTBEAT_MS)),
      Effect.forkScoped
    )
  })
