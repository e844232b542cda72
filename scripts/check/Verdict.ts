/** What a check of reference data says about one case, and how the data is read. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { Schema } from "effect"

export interface Verdict {
  readonly name: string
  /** Null where the case holds. */
  readonly problem: string | null
}

/** A file of reference data, checked against what its cases must have. */
export const readCases = <A, I>(schema: Schema.Schema<A, I>, ...path: ReadonlyArray<string>): A =>
  Schema.decodeUnknownSync(Schema.parseJson(schema))(readFileSync(join(...path), "utf8"))

/** Names in a folder, sorted; none where there is no such folder. */
export const namesIn = (...path: ReadonlyArray<string>): ReadonlyArray<string> =>
  existsSync(join(...path)) ? readdirSync(join(...path)).sort() : []

const MAX_SHOWN = 600
const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, MAX_SHOWN) ?? "nothing"

/** The first of the named results that isn't what was expected, in one line. */
export const firstDifference = (results: Readonly<Record<string, readonly [got: unknown, expected: unknown]>>) => {
  for (const [what, [got, expected]] of Object.entries(results)) {
    if (!isDeepStrictEqual(got, expected)) return `${what}: ${shown(got)} instead of ${shown(expected)}`
  }
  return null
}

/** The verdict of a case whose computation may throw, which no case may. */
export const verdict = (name: string, problem: () => string | null): Verdict => {
  try {
    return { name, problem: problem() }
  } catch (error) {
    return { name, problem: `throws ${String(error)}` }
  }
}

/** All verdicts of a check. */
export const collect = async (verdicts: AsyncIterable<Verdict>): Promise<ReadonlyArray<Verdict>> => {
  const all: Array<Verdict> = []
  for await (const verdict of verdicts) all.push(verdict)
  return all
}
