/**
 * What `health --verify` has seen, line by line in a file of the repo's directory, so that an interrupted check goes on and an unchanged
 * file isn't read twice. Never written through a link; in a cache that can't be written there is none.
 */
import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import { smallText } from "./Entries.js"
import { RECEIPTS, type Repo } from "./Repo.js"

/** A line per blob; the largest repos have thousands. */
const MAX_BYTES = 16 * 2 ** 20

export interface Receipts {
  /** Old lines that still hold. */
  readonly known: ReadonlySet<string>
  readonly add: (line: string) => void
}

const quietly = <A>(operation: () => A): A | null => {
  try {
    return operation()
  } catch {
    return null
  }
}

const knownOf = (path: string, current: Iterable<string>): ReadonlySet<string> => {
  const text = smallText(path, MAX_BYTES) ?? ""
  const lines = new Set(text === "" ? [] : text.split("\n"))
  const known = new Set<string>()
  if (lines.size > 0) for (const line of current) if (lines.has(line)) known.add(line)
  return known
}

/** A new file in place of the old one. What lies there, be it a link or a pipe, is removed and never opened. */
const created = (path: string, lines: ReadonlySet<string>): number | null =>
  quietly(() => {
    rmSync(`${path}.new`, { force: true })
    const file = openSync(`${path}.new`, "wx")
    writeSync(file, Array.from(lines, (line) => `${line}\n`).join(""))
    renameSync(`${path}.new`, path)
    return file
  })

const open = (path: string, current: Iterable<string>) => {
  const known = knownOf(path, current)
  return { known, file: created(path, known) }
}

const NONE = { known: new Set<string>(), file: null }

/** The receipts of a repo until the scope closes; `current`: the lines that would hold now. A linked repo has none. */
export const receiptsOf = (
  hub: string,
  { directory, linked }: Repo,
  current: Iterable<string>
): Effect.Effect<Receipts, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => (linked ? NONE : open(join(hub, directory, RECEIPTS), current))),
    ({ file }) => Effect.sync(() => file !== null && quietly(() => closeSync(file)))
  ).pipe(
    Effect.map(({ file, known }) => ({
      known,
      add: (line) => {
        if (file !== null) quietly(() => writeSync(file, `${line}\n`))
      }
    }))
  )
