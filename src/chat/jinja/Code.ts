/** What a template is compiled to: closures over the activation they run in. */
import type { Body, Expr } from "./Nodes.js"
import type { Activation, Frame } from "./Scope.js"
import type { Str } from "./Text.js"
import type { Runtime, Value } from "./Values.js"

/** Where a template's text goes. */
export type Output = Array<Str>

export type Evaluate = (a: Activation) => Value

/** How a statement ended: normally, or on the way out of a loop. */
export const NEXT = 0
export const BREAK = 1
export const CONTINUE = 2
export type Signal = typeof NEXT | typeof BREAK | typeof CONTINUE

export type Execute = (a: Activation, out: Output) => Signal

/** Assigns to a target with the variables of `a`. */
export type Assign = (a: Activation, value: Value) => void

/** What loops and macros need of the compiler that they are part of. */
export interface StatementCompiler {
  /** The node's line counts from here on. */
  readonly mark: (line: number) => number
  readonly evaluated: (node: Expr, frame: Frame) => Evaluate
  readonly body: (body: Body, frame: Frame) => Execute
  readonly target: (node: Expr, frame: Frame) => Assign
  /** `body` in a scope of its own. */
  readonly scoped: (frame: Frame, body: Execute) => Execute
  readonly write: (value: Value, rt: Runtime, out: Output) => void
}
