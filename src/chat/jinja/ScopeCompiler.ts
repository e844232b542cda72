/** Statements with a scope of their own: captured blocks, `with`, `autoescape`, macros and calls with a body. */
import { AssignmentCompiler } from "./AssignmentCompiler.js"
import { type Assign, type Execute, NEXT, type Output, type StatementCompiler } from "./Code.js"
import { makeMacro } from "./MacroCompiler.js"
import type { Body, Stmt } from "./Nodes.js"
import { isTrue } from "./Operations.js"
import { escaped, str } from "./Repr.js"
import type { Rendering } from "./Runtime.js"
import { type Activation, entering, type Frame, inner, leaving } from "./Scope.js"
import { analyzeBody, analyzeExprs } from "./Symbols.js"
import { asMarkup, joined, raw, type Str } from "./Text.js"
import { isStr, type Runtime, type Value } from "./Values.js"

export abstract class ScopeCompiler extends AssignmentCompiler implements StatementCompiler {
  abstract body(body: Body, frame: Frame): Execute

  write(value: Value, rt: Runtime, out: Output): void {
    const text = rt.autoescape ? escaped(value, rt) : str(value, rt)
    rt.spendChars(raw(text).length)
    out.push(text)
  }

  /** Jinja2 doesn't turn the result of a block into text; that fails when all parts are put together. */
  #writeText(value: Value, rt: Rendering, out: Output): void {
    if (isStr(value)) this.write(value, rt, out)
    else rt.mixed = true
  }

  scoped(frame: Frame, body: Execute): Execute {
    const [enter, leave] = [entering(frame), leaving(frame)]
    return (a, out) => {
      enter(a)
      const signal = body(a, out)
      leave(a)
      return signal
    }
  }

  #captures(body: Body, frame: Frame, then: (text: Str, a: Activation, out: Output) => void): Execute {
    // Scopes give their variables places before anything reads them.
    entering(frame)
    const execute = this.body(body, frame)
    return this.scoped(frame, (a, out) => {
      const inside: Array<Str> = []
      const signal = execute(a, inside)
      if (signal === NEXT) then(joined(inside, a.rt.autoescape), a, out)
      return signal
    })
  }

  /** The filters of a block, over its text. */
  #blockFilter(node: (Stmt & { readonly t: "SetBlock" })["filter"], frame: Frame): (text: Str, a: Activation) => Value {
    if (node === null) return (text) => text
    let input: Str = ""
    const filtered = this.filter(node, frame, () => input)
    return (text, a) => {
      input = text
      return filtered(a)
    }
  }

  protected setBlock(node: Stmt & { readonly t: "SetBlock" }, frame: Frame): Execute {
    const block = inner(frame)
    analyzeBody(node.body, block.symbols)
    const steps: { assign: Assign; filter: (text: Str, a: Activation) => Value; line: number } = {
      assign: () => {},
      filter: (text) => text,
      line: node.line
    }
    const execute = this.#captures(node.body, block, (text, a) => {
      a.rt.line = steps.line
      const value = steps.filter(text, a)
      steps.assign(a, a.rt.autoescape && isStr(value) ? asMarkup(value) : value)
    })
    this.mark(node.line)
    steps.assign = this.target(node.target, frame)
    steps.filter = this.#blockFilter(node.filter, block)
    return execute
  }

  protected filterBlock(node: Stmt & { readonly t: "FilterBlock" }, frame: Frame): Execute {
    const block = inner(frame)
    analyzeBody(node.body, block.symbols)
    analyzeExprs([node.filter], block.symbols)
    let filter: (text: Str, a: Activation) => Value = (text) => text
    const execute = this.#captures(node.body, block, (text, a, out) => {
      a.rt.line = node.line
      const value = filter(text, a)
      this.#writeText(value, a.rt, out)
    })
    this.mark(node.line)
    filter = this.#blockFilter(node.filter, block)
    return execute
  }

  protected with(node: Stmt & { readonly t: "With" }, frame: Frame): Execute {
    const scope = inner(frame)
    analyzeExprs(node.targets, scope.symbols)
    analyzeBody(node.body, scope.symbols)
    entering(scope)
    const line = this.line
    const assignments = node.values.map((value, i) => {
      const target = node.targets[i]
      return { assign: target === undefined ? () => {} : this.target(target, scope), value: this.expr(value, frame) }
    })
    const body = this.body(node.body, scope)
    return this.scoped(scope, (a, out) => {
      a.rt.line = line
      for (const { assign, value } of assignments) assign(a, value(a))
      return body(a, out)
    })
  }

  protected autoescape(node: Stmt & { readonly t: "Autoescape" }, frame: Frame): Execute {
    const scope = inner(frame)
    analyzeExprs([node.value], scope.symbols)
    analyzeBody(node.body, scope.symbols)
    entering(scope)
    const line = this.line
    const value = this.expr(node.value, scope)
    const body = this.body(node.body, scope)
    return this.scoped(scope, (a, out) => {
      const { rt } = a
      const before = rt.autoescape
      rt.line = line
      rt.autoescape = isTrue(value(a), rt)
      const signal = body(a, out)
      rt.autoescape = before
      return signal
    })
  }

  protected macro(node: Stmt & { readonly t: "Macro" }, frame: Frame): Execute {
    const make = makeMacro(this, node, frame)
    const write = this.variable(node.name, frame)
    return (a) => {
      write(a, make(a))
      return NEXT
    }
  }

  protected callBlock(node: Stmt & { readonly t: "CallBlock" }, frame: Frame): Execute {
    const makeCaller = makeMacro(this, node, frame)
    const line = this.mark(node.line)
    let caller: Value = null
    const call = node.call === null ? null : this.call(node.call, frame, () => caller)
    return (a, out) => {
      const macro = makeCaller(a)
      a.rt.line = line
      // Calls inside the arguments may run this statement again.
      const before = caller
      caller = macro
      const value = call === null ? macro.call(a.rt, [], new Map()) : call(a)
      caller = before
      this.#writeText(value, a.rt, out)
      return NEXT
    }
  }
}
