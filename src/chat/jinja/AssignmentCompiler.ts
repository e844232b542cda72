/** Assignments to names, to several names at once, and to attributes of namespaces. */
import { type Assign, type Evaluate, type Execute, NEXT } from "./Code.js"
import { ExpressionCompiler } from "./ExpressionCompiler.js"
import { runtimeError, valueError } from "./Failure.js"
import { Namespace } from "./Globals.js"
import type { Expr, Stmt } from "./Nodes.js"
import { iterate } from "./Operations.js"
import { type Activation, type Frame, reader, type Write, writer } from "./Scope.js"

export class AssignmentCompiler extends ExpressionCompiler {
  /** The line of the last statement that has one: what stands without a line is reported there. */
  protected line = 1

  mark(line: number): number {
    this.line = line
    return line
  }

  evaluated(node: Expr, frame: Frame): Evaluate {
    return this.expr(node, frame)
  }

  /** Writes a variable; at the top level blocks see it too. */
  protected variable(name: string, frame: Frame): Write {
    const write = writer(frame.fn, frame.symbols.ref(name))
    if (!frame.toplevel) return write
    return (a, value) => {
      write(a, value)
      if (value !== undefined) a.rt.exported.set(name, value)
    }
  }

  target(node: Expr, frame: Frame): Assign {
    if (node.t === "Name") return this.variable(node.name, frame)
    if (node.t === "NSRef") {
      const { attr } = node
      const read = reader(frame.fn, frame.symbols.ref(node.name))
      return (a, value) => {
        const namespace = read(a)
        if (namespace instanceof Namespace) namespace.set(attr, value)
      }
    }
    if (node.t !== "Tuple") throw runtimeError("invalid target")
    const targets = node.items.map((item) => this.target(item, frame))
    return (a, value) => {
      const values = [...iterate(value, a.rt)]
      if (values.length !== targets.length) {
        throw valueError(
          `${values.length < targets.length ? "not enough" : "too many"} values to unpack (expected ${targets.length})`
        )
      }
      targets.forEach((assign, i) => {
        assign(a, values[i] ?? null)
      })
    }
  }

  /** Fails where an attribute of something that isn't a namespace is set. */
  #namespaces(node: Expr, frame: Frame): (a: Activation) => void {
    if (node.t === "Tuple") {
      const checks = node.items.map((item) => this.#namespaces(item, frame))
      return (a) => {
        for (const check of checks) check(a)
      }
    }
    if (node.t !== "NSRef") return () => {}
    const read = reader(frame.fn, frame.symbols.ref(node.name))
    const line = this.line
    return (a) => {
      if (read(a) instanceof Namespace) return
      a.rt.line = line
      throw runtimeError("cannot assign attribute on non-namespace object")
    }
  }

  protected set(node: Stmt & { readonly t: "Set" }, frame: Frame): Execute {
    const check = this.#namespaces(node.target, frame)
    const line = this.mark(node.line)
    const assign = this.target(node.target, frame)
    const value = this.expr(node.node, frame)
    return (a) => {
      check(a)
      a.rt.line = line
      assign(a, value(a))
      return NEXT
    }
  }
}
