/**
 * Templates to closures. Jinja2 compiles to Python functions; the same functions, variables and lines are kept here, so that names
 * and errors come out the same. No JavaScript is made of template text.
 */
import { BREAK, CONTINUE, type Execute, NEXT } from "./Code.js"
import { notText, runtimeError, syntaxError, typeError } from "./Failure.js"
import { makeLoop } from "./LoopCompiler.js"
import { BlockReference, TemplateReference } from "./Macro.js"
import type { BlockNode, Body, DataNode, Expr, IfNode, Stmt } from "./Nodes.js"
import { isTrue, iterate } from "./Operations.js"
import { parse } from "./Parser.js"
import type { Rendering } from "./Runtime.js"
import { Activation, entering, type Frame, FunctionScope, reader, writer } from "./Scope.js"
import { ScopeCompiler } from "./ScopeCompiler.js"
import { analyzeBody, Symbols } from "./Symbols.js"
import { joined, type Str } from "./Text.js"
import { isStr, Undefined } from "./Values.js"
import { isConstant, undeclared, walk } from "./Walk.js"

/** Makes the text of a template. */
export type Render = (rt: Rendering) => Str

const inOrder = (steps: ReadonlyArray<Execute>): Execute => {
  const [only] = steps
  if (steps.length === 1 && only !== undefined) return only
  return (a, out) => {
    for (const step of steps) {
      const signal = step(a, out)
      if (signal !== NEXT) return signal
    }
    return NEXT
  }
}

/** What `body` writes, as one text: a capture of blocks and macros. */
const captured = (body: Execute, a: Activation): Str => {
  const out: Array<Str> = []
  body(a, out)
  return joined(out, a.rt.autoescape)
}

class Compiler extends ScopeCompiler {
  readonly #blocks = new Map<string, Execute>()

  body(body: Body, frame: Frame): Execute {
    return inOrder(body.map((node) => this.#statement(node, frame)))
  }

  /** The statement, charged for its own expressions. */
  #statement(node: Stmt, frame: Frame): Execute {
    const outside = this.nodes
    this.nodes = 1
    const execute = this.#compiled(node, frame)
    const cost = this.nodes
    this.nodes = outside
    return (a, out) => {
      a.rt.spend(cost)
      return execute(a, out)
    }
  }

  #compiled(node: Stmt, frame: Frame): Execute {
    switch (node.t) {
      case "Output":
        return inOrder(node.nodes.map((child) => this.#output(child, frame)))
      case "If":
        return this.#if(node, { ...frame, soft: true, symbols: frame.symbols })
      case "For":
        return makeLoop(this, node, frame)
      case "Macro":
        return this.macro(node, frame)
      case "CallBlock":
        return this.callBlock(node, frame)
      case "Block":
        return this.#block(node, frame)
      case "Set":
        return this.set(node, frame)
      case "SetBlock":
        return this.setBlock(node, frame)
      case "FilterBlock":
        return this.filterBlock(node, frame)
      case "With":
        return this.with(node, frame)
      case "Autoescape":
        return this.autoescape(node, frame)
      case "Load":
        return this.#load(node, frame)
      case "Break":
      case "Continue": {
        const signal = node.t === "Break" ? BREAK : CONTINUE
        if (frame.fn.loops === 0) throw runtimeError(`'${node.t.toLowerCase()}' outside loop`)
        return () => signal
      }
    }
  }

  #output(node: Expr | DataNode, frame: Frame): Execute {
    if (node.t === "Data") {
      const { data } = node
      return ({ rt }, out) => {
        rt.spendChars(data.length)
        out.push(data)
        return NEXT
      }
    }
    // Jinja2 writes constants as text, which has no line.
    const line = isConstant(node) ? node.line : this.mark(node.line)
    const value = this.expr(node, frame)
    return (a, out) => {
      const { rt } = a
      rt.line = line
      this.write(value(a), rt, out)
      return NEXT
    }
  }

  #if(node: IfNode, frame: Frame): Execute {
    const branches = [node, ...node.elifs].map((branch) => ({
      line: this.mark(branch.line),
      test: this.expr(branch.test, frame),
      body: this.body(branch.body, frame)
    }))
    const otherwise = this.body(node.else, frame)
    return (a, out) => {
      for (const { body, line, test } of branches) {
        a.rt.line = line
        if (isTrue(test(a), a.rt)) return body(a, out)
      }
      return otherwise(a, out)
    }
  }

  /** Nothing can be loaded: the environment has no loader. */
  #load(node: Stmt & { readonly t: "Load" }, frame: Frame): Execute {
    if (node.tag === "extends" && !frame.toplevel)
      throw syntaxError("cannot use extend from a non top-level scope", node.line)
    const line = this.mark(node.line)
    const template = this.expr(node.template, frame)
    return (a) => {
      a.rt.line = line
      const value = template(a)
      const names =
        node.tag === "include" && !isStr(value) && !(value instanceof Undefined) ? [...iterate(value, a.rt)] : [value]
      if (names.length > 0) throw typeError("no loader for this environment specified")
      if (!node.ignoreMissing) throw runtimeError("Tried to select from an empty list of templates.")
      return NEXT
    }
  }

  #block(node: BlockNode, frame: Frame): Execute {
    const line = this.mark(node.line)
    const locals = node.scoped
      ? Array.from(frame.symbols.visible(), ([name, ident]) => [name, reader(frame.fn, ident)] as const)
      : []
    return (a, out) => {
      const { rt } = a
      rt.line = line
      if (node.required) throw runtimeError(`Required block '${node.name}' not found`)
      const before = new Map(rt.exported)
      for (const [name, read] of locals) {
        const value = read(a)
        if (value !== undefined) rt.exported.set(name, value)
      }
      rt.nested(() => this.#blocks.get(node.name)?.(new Activation(rt, null), out) ?? NEXT)
      for (const [name] of locals) {
        const value = before.get(name)
        if (value === undefined) rt.exported.delete(name)
        else rt.exported.set(name, value)
      }
      return NEXT
    }
  }

  /** A function without a function around it: the template, or one of its blocks. */
  #function(body: Body, toplevel: boolean): Execute {
    const frame: Frame = { symbols: new Symbols(), fn: new FunctionScope(null), toplevel, soft: false }
    const special = undeclared(body, toplevel ? ["self"] : ["self", "super"])
    for (const name of special) frame.symbols.declare(name)
    analyzeBody(body, frame.symbols)
    const enter = entering(frame)
    const writes = Array.from(special, (name) => [name, writer(frame.fn, frame.symbols.ref(name))] as const)
    const execute = this.body(body, frame)
    const references = new Map<string, BlockReference>()
    return (a, out) => {
      for (const [name, block] of this.#blocks) {
        references.set(name, new BlockReference(name, () => captured(block, new Activation(a.rt, null))))
      }
      for (const [name, write] of writes) {
        write(a, name === "self" ? new TemplateReference(references) : new Undefined("there is no parent block."))
      }
      enter(a)
      return execute(a, out)
    }
  }

  template(body: Body): Render {
    const blocks = new Map<string, BlockNode>()
    walk(
      body,
      () => {},
      (node) => {
        if (node.t !== "Block") return true
        if (blocks.has(node.name)) throw syntaxError(`block '${node.name}' defined twice`, node.line)
        blocks.set(node.name, node)
        return true
      }
    )
    const root = this.#function(body, true)
    for (const [name, block] of blocks) {
      this.mark(block.line)
      this.#blocks.set(name, this.#function(block.body, false))
    }
    return (rt) => {
      const out: Array<Str> = []
      root(new Activation(rt, null), out)
      if (rt.mixed) throw notText()
      return joined(out)
    }
  }
}

/** Throws a TemplateFailure. */
export const compileTemplate = (source: string): Render => new Compiler().template(parse(source))
