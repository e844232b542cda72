/** Macros and call blocks to functions. */
import type { Evaluate, Execute, StatementCompiler } from "./Code.js"
import { syntaxError } from "./Failure.js"
import { Macro, type MacroArguments } from "./Macro.js"
import type { CallBlockNode, MacroNode } from "./Nodes.js"
import { Activation, entering, type Frame, FunctionScope, inner, reader, writer } from "./Scope.js"
import { analyzeBody, analyzeExprs } from "./Symbols.js"
import { joined, type Str } from "./Text.js"
import { Dict, Tuple, Undefined, type Value } from "./Values.js"
import { undeclared } from "./Walk.js"

const SPECIAL = ["caller", "kwargs", "varargs"]

/** The default of parameter `i`; null when it has none. */
const defaultOf = ({ defaults, params }: MacroNode | CallBlockNode, i: number) =>
  defaults[i - params.length + defaults.length] ?? null

/** The names that the body reads beyond the parameters. */
const specialNames = (node: MacroNode | CallBlockNode): ReadonlyArray<string> => {
  const used = undeclared(node.body, SPECIAL)
  const names = node.params.map(({ name }) => name)
  const at = names.indexOf("caller")
  if (used.has("caller") && at >= 0 && defaultOf(node, at) === null) {
    throw syntaxError('the special "caller" argument must be omitted or be given a default.', node.line)
  }
  return SPECIAL.filter((name) => used.has(name) && !names.includes(name))
}

const specialValue = (name: string, { caller, kwargs, varargs }: MacroArguments): Value => {
  if (name === "caller") return caller
  return name === "kwargs" ? Dict.of(kwargs) : new Tuple(varargs)
}

/** Makes a macro that closes over the activation it is made in. */
export const makeMacro = (
  compiler: StatementCompiler,
  node: MacroNode | CallBlockNode,
  frame: Frame
): ((a: Activation) => Macro) => {
  const macro: Frame = inner(frame, new FunctionScope(frame.fn))
  const special = specialNames(node)
  const analyze = () => {
    analyzeExprs(node.params, macro.symbols)
    analyzeExprs(node.defaults, macro.symbols)
    analyzeBody(node.body, macro.symbols)
  }
  analyze()
  for (const name of special) macro.symbols.declare(name)
  analyze()
  const line = compiler.mark(node.line)
  const enter = entering(macro)
  const params = node.params.map(({ name }, i) => {
    const ident = macro.symbols.ref(name)
    const expr = defaultOf(node, i)
    const missing = new Undefined(`parameter '${name}' was not provided`)
    const otherwise: Evaluate = expr === null ? () => missing : compiler.evaluated(expr, macro)
    return { write: writer(macro.fn, ident), read: reader(macro.fn, ident), otherwise }
  })
  const specials = special.map((name) => [name, writer(macro.fn, macro.symbols.ref(name))] as const)
  const body: Execute = compiler.body(node.body, macro)
  const shape = {
    name: node.t === "Macro" ? node.name : null,
    params: node.params.map(({ name }) => name),
    catchKwargs: special.includes("kwargs"),
    catchVarargs: special.includes("varargs"),
    caller: undeclared(node.body, SPECIAL).has("caller")
  }
  return (outer) =>
    new Macro(shape, (args) => {
      const { rt } = outer
      const a = new Activation(rt, outer)
      params.forEach(({ write }, i) => {
        write(a, args.params[i])
      })
      for (const [name, write] of specials) write(a, specialValue(name, args))
      enter(a)
      rt.line = line
      for (const { otherwise, read, write } of params) if (read(a) === undefined) write(a, otherwise(a))
      const out: Array<Str> = []
      body(a, out)
      return joined(out, rt.autoescape)
    })
}
