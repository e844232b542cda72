/** Expressions to closures. */
import { getattr, getitem, getslice } from "./Access.js"
import { pairsOf, stringArg } from "./Args.js"
import { binary, compared, unary } from "./Binary.js"
import type { Evaluate } from "./Code.js"
import { runtimeError, syntaxError, typeError } from "./Failure.js"
import { filterNamed, testNamed } from "./Filters.js"
import type { Args, CallNode, Constant, Expr, FilterNode } from "./Nodes.js"
import { int, intOf } from "./Numbers.js"
import { isTrue, iterate } from "./Operations.js"
import { escaped, str } from "./Repr.js"
import type { Activation, Frame } from "./Scope.js"
import { reader, undefinedName } from "./Scope.js"
import { joined, raw } from "./Text.js"
import {
  Dict,
  Float,
  type Kwargs,
  NO_KWARGS,
  PyObject,
  type Runtime,
  Tuple,
  typeName,
  Undefined,
  type Value
} from "./Values.js"

interface Arguments {
  readonly args: ReadonlyArray<Value>
  readonly kwargs: Kwargs
}

const constant = (value: Constant): Value => {
  if (value === null || typeof value !== "object") return value
  if ("float" in value) return new Float(value.float)
  const n = Number(value.integer)
  return Number.isSafeInteger(n) ? intOf(n) : int(BigInt(value.integer))
}

export const callValue = (rt: Runtime, callee: Value, { args, kwargs }: Arguments): Value => {
  rt.spend(1)
  if (callee instanceof Undefined) return callee.fail()
  if (!(callee instanceof PyObject)) throw typeError(`'${typeName(callee)}' object is not callable`)
  return callee.call(rt, args, kwargs)
}

const NO_ARGUMENTS: ReadonlyArray<Value> = []

export class ExpressionCompiler {
  /** Nodes compiled since the last statement began: what evaluating it costs at least. */
  protected nodes = 0

  protected expr(node: Expr, frame: Frame): Evaluate {
    this.nodes++
    switch (node.t) {
      case "Name":
        return this.#name(node.name, frame)
      case "Const": {
        const value = constant(node.value)
        return () => value
      }
      case "Tuple": {
        const items = this.#all(node.items, frame)
        return (a) => new Tuple(items.map((item) => item(a)))
      }
      case "List": {
        const items = this.#all(node.items, frame)
        return (a) => items.map((item) => item(a))
      }
      case "Dict": {
        const pairs = node.items.map(({ key, value }) => [this.expr(key, frame), this.expr(value, frame)] as const)
        return (a) => Dict.of(pairs.map(([key, value]) => [key(a), value(a)] as const))
      }
      case "Cond":
        return this.#condition(node, { ...frame, soft: true })
      case "And": {
        const [left, right] = [this.expr(node.left, frame), this.expr(node.right, frame)]
        return (a) => {
          const value = left(a)
          return isTrue(value, a.rt) ? right(a) : value
        }
      }
      case "Or": {
        const [left, right] = [this.expr(node.left, frame), this.expr(node.right, frame)]
        return (a) => {
          const value = left(a)
          return isTrue(value, a.rt) ? value : right(a)
        }
      }
      case "Not":
      case "Neg":
      case "Pos": {
        const { t } = node
        const operand = this.expr(node.node, frame)
        return (a) => unary(t, operand(a), a.rt)
      }
      case "Binary": {
        const { op } = node
        const [left, right] = [this.expr(node.left, frame), this.expr(node.right, frame)]
        return (a) => binary(op, left(a), right(a), a.rt)
      }
      case "Compare":
        return this.#compare(node, frame)
      case "Concat": {
        const parts = this.#all(node.nodes, frame)
        return (a) => this.#concat(parts, a)
      }
      case "Getattr": {
        const { attr } = node
        const object = this.expr(node.node, frame)
        return (a) => getattr(object(a), attr, a.rt)
      }
      case "Getitem":
        return this.#getitem(node.node, node.arg, frame)
      case "Call":
        return this.call(node, frame, null)
      case "Filter":
        return this.filter(node, frame, null)
      case "Test":
        return this.#test(node, frame)
      default:
        throw runtimeError("invalid syntax")
    }
  }

  #all(nodes: ReadonlyArray<Expr>, frame: Frame): ReadonlyArray<Evaluate> {
    return nodes.map((node) => this.expr(node, frame))
  }

  #name(name: string, frame: Frame): Evaluate {
    const read = reader(frame.fn, frame.symbols.ref(name))
    const missing = undefinedName(name)
    return (a) => {
      const value = read(a)
      return value === undefined ? missing : value
    }
  }

  #condition(node: Expr & { readonly t: "Cond" }, frame: Frame): Evaluate {
    const test = this.expr(node.test, frame)
    const then = this.expr(node.yes, frame)
    const missing = new Undefined(
      `the inline if-expression on line ${node.line} evaluated to false and no else section was defined.`
    )
    const otherwise = node.no === null ? () => missing : this.expr(node.no, frame)
    return (a) => (isTrue(test(a), a.rt) ? then(a) : otherwise(a))
  }

  #compare(node: Expr & { readonly t: "Compare" }, frame: Frame): Evaluate {
    const first = this.expr(node.node, frame)
    const operands = node.ops.map(({ node, op }) => ({ op, value: this.expr(node, frame) }))
    const [only] = operands
    if (operands.length === 1 && only !== undefined) {
      const { op, value } = only
      return (a) => compared(op, first(a), value(a), a.rt)
    }
    return (a) => {
      let left = first(a)
      for (const { op, value } of operands) {
        const right = value(a)
        if (!compared(op, left, right, a.rt)) return false
        left = right
      }
      return true
    }
  }

  #concat(parts: ReadonlyArray<Evaluate>, a: Activation): Value {
    const { rt } = a
    const texts = parts.map((part) => part(a))
    if (rt.autoescape)
      return joined(
        texts.map((text) => escaped(text, rt)),
        true
      )
    const strings = texts.map((text) => str(text, rt))
    const total = strings.reduce((sum, text) => sum + raw(text).length, 0)
    rt.spendChars(Math.min(total, total - Math.max(0, ...strings.map((text) => raw(text).length)) + 64))
    return joined(strings)
  }

  #getitem(object: Expr, arg: Expr, frame: Frame): Evaluate {
    const value = this.expr(object, frame)
    if (arg.t !== "Slice") {
      const key = this.expr(arg, frame)
      return (a) => getitem(value(a), key(a), a.rt)
    }
    const none: Evaluate = () => null
    const [start, stop, step] = [arg.start, arg.stop, arg.step].map((part) =>
      part === null ? none : this.expr(part, frame)
    )
    return (a) => getslice(value(a), (start ?? none)(a), (stop ?? none)(a), (step ?? none)(a), a.rt)
  }

  /** `extra` is the caller that a call block passes on. */
  #arguments(node: Args, frame: Frame, extra: Evaluate | null): (a: Activation) => Arguments {
    const args = this.#all(node.args, frame)
    const kwargs = node.kwargs.map(({ name, value }) => [name, this.expr(value, frame)] as const)
    if (new Set(kwargs.map(([name]) => name)).size < kwargs.length) throw runtimeError("keyword argument repeated")
    if (extra !== null) kwargs.push(["caller", extra])
    const dynArgs = node.dynArgs === null ? null : this.expr(node.dynArgs, frame)
    const dynKwargs = node.dynKwargs === null ? null : this.expr(node.dynKwargs, frame)
    if (kwargs.length === 0 && dynArgs === null && dynKwargs === null) {
      const [only] = args
      if (only === undefined) return () => ({ args: NO_ARGUMENTS, kwargs: NO_KWARGS })
      if (args.length === 1) return (a) => ({ args: [only(a)], kwargs: NO_KWARGS })
      return (a) => ({ args: args.map((arg) => arg(a)), kwargs: NO_KWARGS })
    }
    return (a) => {
      const values = args.map((arg) => arg(a))
      if (dynArgs !== null) values.push(...iterate(dynArgs(a), a.rt))
      const named = new Map(kwargs.map(([name, value]) => [name, value(a)] as const))
      for (const [key, value] of dynKwargs === null ? [] : pairsOf(dynKwargs(a), a.rt)) {
        const name = stringArg(key, "keywords")
        if (named.has(name)) throw typeError(`got multiple values for keyword argument '${name}'`)
        named.set(name, value)
      }
      return { args: values, kwargs: named }
    }
  }

  protected call(node: CallNode, frame: Frame, caller: Evaluate | null): Evaluate {
    const callee = this.expr(node.node, frame)
    const args = this.#arguments(node, frame, caller)
    return (a) => {
      const target = callee(a)
      return callValue(a.rt, target, args(a))
    }
  }

  /** `body` gives the text of a filtered block. */
  protected filter(node: FilterNode, frame: Frame, body: Evaluate | null): Evaluate {
    const { line, name } = node
    const found = filterNamed(name)
    if (found === undefined && !frame.soft) throw syntaxError(`No filter named '${name}'.`, line)
    const value = this.#filtered(node.node, frame, body)
    const args = this.#arguments(node, frame, null)
    return (a) => {
      const input = value(a)
      const bound = args(a)
      if (found === undefined) throw runtimeError(`No filter named '${name}' found.`)
      a.rt.spend(1)
      return found(a.rt, input, bound.args, bound.kwargs)
    }
  }

  #filtered(node: Expr | null, frame: Frame, body: Evaluate | null): Evaluate {
    if (node === null) return body ?? (() => "")
    return node.t === "Filter" ? this.filter(node, frame, body) : this.expr(node, frame)
  }

  #test(node: Expr & { readonly t: "Test" }, frame: Frame): Evaluate {
    const { line, name } = node
    const found = testNamed(name)
    if (found === undefined && !frame.soft) throw syntaxError(`No test named '${name}'.`, line)
    const value = this.expr(node.node, frame)
    const args = this.#arguments(node, frame, null)
    return (a) => {
      const input = value(a)
      const bound = args(a)
      if (found === undefined) throw runtimeError(`No test named '${name}' found.`)
      return found(a.rt, input, bound.args, bound.kwargs)
    }
  }
}
