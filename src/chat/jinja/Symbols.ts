/**
 * Which variable a name means in each scope. Jinja2 decides it when a template is compiled: a name that a scope sets belongs to
 * that scope throughout, and its first value is that of the scope around it.
 */
import { runtimeError } from "./Failure.js"
import type { Body, Expr, ForNode, Stmt } from "./Nodes.js"
import { childExprs } from "./Walk.js"

/** How a variable gets its first value when its scope is entered. */
export type Load =
  | { readonly t: "param" }
  | { readonly t: "resolve"; readonly name: string }
  | { readonly t: "alias"; readonly ident: string }
  | { readonly t: "undefined" }

export class Symbols {
  readonly level: number
  refs = new Map<string, string>()
  loads = new Map<string, Load>()
  stores = new Set<string>()

  constructor(readonly parent: Symbols | null = null) {
    this.level = parent === null ? 0 : parent.level + 1
  }

  copy(): Symbols {
    const copy = new Symbols(this.parent)
    copy.refs = new Map(this.refs)
    copy.loads = new Map(this.loads)
    copy.stores = new Set(this.stores)
    return copy
  }

  findRef(name: string): string | undefined {
    return this.refs.get(name) ?? this.parent?.findRef(name)
  }

  ref(name: string): string {
    const found = this.findRef(name)
    if (found === undefined) throw runtimeError(`the name '${name}' can't be resolved here`)
    return found
  }

  #define(name: string, load: Load): void {
    const ident = `${this.level} ${name}`
    this.refs.set(name, ident)
    this.loads.set(ident, load)
  }

  declare(name: string): void {
    this.stores.add(name)
    this.#define(name, { t: "param" })
  }

  store(name: string): void {
    this.stores.add(name)
    if (this.refs.has(name)) return
    const outer = this.parent?.findRef(name)
    this.#define(name, outer === undefined ? { t: "undefined" } : { t: "alias", ident: outer })
  }

  load(name: string): void {
    if (this.findRef(name) === undefined) this.#define(name, { t: "resolve", name })
  }

  /** Takes in what the branches of an `if` found: a name that only some of them set keeps its value from before. */
  merge(branches: ReadonlyArray<Symbols>): void {
    const set = new Set(branches.flatMap(({ stores }) => [...stores]).filter((name) => !this.stores.has(name)))
    for (const branch of branches) {
      for (const [name, ident] of branch.refs) this.refs.set(name, ident)
      for (const [ident, load] of branch.loads) this.loads.set(ident, load)
      for (const name of branch.stores) this.stores.add(name)
    }
    for (const name of set) {
      const outer = this.parent?.findRef(name)
      this.loads.set(this.ref(name), outer === undefined ? { t: "resolve", name } : { t: "alias", ident: outer })
    }
  }

  /** All names that are set here or around, with their variables. */
  visible(): ReadonlyMap<string, string> {
    const outer = this.parent?.visible() ?? []
    return new Map([...outer, ...Array.from(this.stores, (name) => [name, this.ref(name)] as const)])
  }
}

const analyzeExpr = (node: Expr, symbols: Symbols, asParam = false): void => {
  if (node.t === "Name") {
    if (asParam || node.ctx === "param") symbols.declare(node.name)
    else if (node.ctx === "store") symbols.store(node.name)
    else symbols.load(node.name)
  } else if (node.t === "NSRef") symbols.load(node.name)
  else for (const child of childExprs(node)) analyzeExpr(child, symbols, asParam)
}

const analyzeIf = (node: Stmt & { readonly t: "If" }, symbols: Symbols): void => {
  analyzeExpr(node.test, symbols)
  const branches = [node.body, node.elifs, node.else].map((body) => {
    const branch = symbols.copy()
    analyzeBody(body, branch)
    return branch
  })
  symbols.merge(branches)
}

/** What a statement does to the scope that it stands in; scopes of its own are analysed apart. */
const analyzeStmt = (node: Stmt, symbols: Symbols): void => {
  const visit = (nodes: ReadonlyArray<Expr>) => analyzeExprs(nodes, symbols)
  switch (node.t) {
    case "Output":
      visit(node.nodes.filter((child) => child.t !== "Data"))
      break
    case "If":
      analyzeIf(node, symbols)
      break
    case "For":
      visit([node.iter])
      break
    case "Macro":
      symbols.store(node.name)
      break
    case "CallBlock":
      if (node.call !== null) visit([node.call])
      break
    case "Set":
      visit([node.node, node.target])
      break
    case "SetBlock":
      visit([node.target])
      break
    case "FilterBlock":
      visit([node.filter])
      break
    case "With":
      visit(node.values)
      break
    case "Load":
      visit([node.template])
      for (const name of node.names) symbols.store(name)
      break
    default:
  }
}

export const analyzeBody = (body: Body, symbols: Symbols): void => {
  for (const node of body) analyzeStmt(node, symbols)
}

export const analyzeExprs = (nodes: ReadonlyArray<Expr>, symbols: Symbols, asParam = false): void => {
  for (const node of nodes) analyzeExpr(node, symbols, asParam)
}

/** The scope of a loop's body, or of its condition. */
export const analyzeFor = (node: ForNode, symbols: Symbols, branch: "body" | "test"): void => {
  analyzeExpr(node.target, symbols, true)
  if (branch === "body") analyzeBody(node.body, symbols)
  else if (node.test !== null) analyzeExpr(node.test, symbols)
}
