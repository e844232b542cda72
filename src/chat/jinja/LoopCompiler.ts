/** `for` loops, with their condition, their `else` and their recursion. */
import {
  type Assign,
  BREAK,
  type Evaluate,
  type Execute,
  NEXT,
  type Output,
  type Signal,
  type StatementCompiler
} from "./Code.js"
import { syntaxError, typeError } from "./Failure.js"
import { LoopContext, type Recurse } from "./Loop.js"
import type { Body, ForNode, Stmt } from "./Nodes.js"
import { Iter } from "./Objects.js"
import { isTrue, iterate, iterator } from "./Operations.js"
import { Activation, entering, type Frame, FunctionScope, inner, leaving, type Write, writer } from "./Scope.js"
import { analyzeBody, analyzeFor } from "./Symbols.js"
import { joined, type Str } from "./Text.js"
import { typeName, type Value } from "./Values.js"
import { undeclared, walk } from "./Walk.js"

const hasScopedBlock = (body: Body): boolean => {
  let found = false
  walk(
    body,
    () => {},
    (node: Stmt) => {
      found ||= node.t === "Block" && node.scoped
      return true
    }
  )
  return found
}

const checkTargets = (node: ForNode): void => {
  walk(
    [node],
    ({ ctx, line, name }) => {
      if (ctx === "store" && name === "loop")
        throw syntaxError("Can't assign to special loop variable in for-loop target", line)
    },
    () => true
  )
}

/** The values that meet the loop's condition, which is a function of its own in Jinja2. */
const makeCondition = (compiler: StatementCompiler, node: ForNode, frame: Frame) => {
  if (node.test === null) return null
  const test: Frame = inner(frame, new FunctionScope(frame.fn))
  analyzeFor(node, test.symbols, "test")
  const line = compiler.mark(node.test.line)
  const enter = entering(test)
  const assign = compiler.target(node.target, test)
  const condition = compiler.evaluated(node.test, test)
  return (values: Value, outer: Activation): Value => {
    const { rt } = outer
    const a = new Activation(rt, outer)
    function* filtered(): Generator<Value> {
      enter(a)
      for (const value of iterate(values, rt)) {
        const before = rt.line
        rt.line = line
        assign(a, value)
        const keep = isTrue(condition(a), rt)
        rt.line = before
        if (keep) yield value
      }
    }
    // A list of no values fails no later than one that isn't a list.
    return new Iter(filtered())
  }
}

interface Parts {
  readonly assign: Assign
  readonly writeLoop: Write | null
  readonly enter: (a: Activation) => void
  readonly leave: (a: Activation) => void
  readonly body: Execute
  readonly otherwise: Execute | null
}

const checked = (values: Value, a: Activation): Iterator<Value> => {
  const found = iterator(values, a.rt)
  if (found === null) throw typeError(`'${typeName(values)}' object is not iterable`)
  return found
}

/** Runs the body for each value. */
const loopOver =
  ({ assign, body, enter, leave, otherwise, writeLoop }: Parts, line: number) =>
  (values: Value, a: Activation, out: Output, depth: number, recurse: Recurse | null): Signal => {
    const { rt } = a
    const loop = writeLoop === null ? null : new LoopContext(values, depth, recurse, rt)
    const source = loop === null ? checked(values, a) : null
    let empty = true
    for (;;) {
      rt.line = line
      rt.spend(1)
      const next = source?.next()
      const value = loop === null ? (next?.done === true ? undefined : next?.value) : loop.advance()
      if (value === undefined) break
      assign(a, value)
      if (loop !== null) writeLoop?.(a, loop)
      enter(a)
      const signal = body(a, out)
      if (signal === BREAK) break
      // As in Jinja2, only a body that runs to its end keeps `else` away.
      if (signal === NEXT) empty = false
    }
    leave(a)
    return empty && otherwise !== null ? otherwise(a, out) : NEXT
  }

export const makeLoop = (compiler: StatementCompiler, node: ForNode, frame: Frame): Execute => {
  const fn = node.recursive ? new FunctionScope(frame.fn) : frame.fn
  const loopFrame: Frame = inner(frame, fn)
  const elseFrame: Frame = inner(frame, fn)
  const extended = node.recursive || undeclared(node.body, ["loop"]).has("loop") || hasScopedBlock([node])
  if (extended) loopFrame.symbols.declare("loop")
  analyzeFor(node, loopFrame.symbols, "body")
  if (node.else.length > 0) analyzeBody(node.else, elseFrame.symbols)
  const condition = makeCondition(compiler, node, frame)
  const line = compiler.mark(node.line)
  checkTargets(node)
  const enter = entering(loopFrame)
  const assign = compiler.target(node.target, loopFrame)
  const iter: Evaluate = compiler.evaluated(node.iter, frame)
  const writeLoop = extended ? writer(fn, loopFrame.symbols.ref("loop")) : null
  fn.loops++
  const body = compiler.body(node.body, loopFrame)
  fn.loops--
  const leave = leaving(loopFrame)
  entering(elseFrame)
  const otherwise = node.else.length === 0 ? null : compiler.scoped(elseFrame, compiler.body(node.else, elseFrame))
  const run = loopOver({ assign, body, enter, leave, otherwise, writeLoop }, line)
  const filtered = (values: Value, a: Activation) => (condition === null ? values : condition(values, a))
  if (!node.recursive) {
    return (a, out) => {
      a.rt.line = line
      return run(filtered(iter(a), a), a, out, 0, null)
    }
  }
  compiler.mark(node.line)
  return (outer, out) => {
    const { rt } = outer
    const render = (values: Value, depth: number): Value =>
      rt.nested(() => {
        const a = new Activation(rt, outer)
        const inside: Array<Str> = []
        run(filtered(values, outer), a, inside, depth, render)
        return joined(inside, rt.autoescape)
      })
    rt.line = line
    compiler.write(render(iter(outer), 0), rt, out)
    return NEXT
  }
}
