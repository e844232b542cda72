/** One rendering: its variables and its budget. */
import { recursionError, TemplateFailure } from "./Failure.js"
import type { Runtime, Value } from "./Values.js"

/** Work that any rendering may do: nodes evaluated, items made, and characters made divided by CHARS_PER_UNIT. */
const BASE_WORK = 500_000
/** More work for every character that the request brings. */
const WORK_PER_CHAR = 100
const CHARS_PER_UNIT = 8
/** Deepest nesting of macro calls, recursive loops and values. */
const MAX_DEPTH = 150

export class Rendering implements Runtime {
  line: number | null = null
  autoescape = false
  /** Whether something else than text was written. */
  mixed = false
  /** Top-level assignments, which blocks see. */
  readonly exported = new Map<string, Value>()
  #depth = 0
  #left: number

  constructor(
    readonly variables: ReadonlyMap<string, Value>,
    readonly now: () => Date,
    inputChars: number
  ) {
    this.#left = BASE_WORK + WORK_PER_CHAR * inputChars
  }

  spend(units: number): void {
    this.#left -= units
    if (!(this.#left >= 0)) throw new TemplateFailure("limit", "more work than any real template needs")
  }

  spendChars(count: number): void {
    this.spend(1 + count / CHARS_PER_UNIT)
  }

  resolve(name: string): Value | undefined {
    const value = this.exported.get(name)
    return value === undefined ? this.variables.get(name) : value
  }

  nested<A>(run: () => A): A {
    if (++this.#depth > MAX_DEPTH) throw recursionError()
    const { line } = this
    const result = run()
    this.line = line
    this.#depth--
    return result
  }
}
