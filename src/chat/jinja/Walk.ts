/** The children of syntax nodes, in the order in which Jinja2 visits them. */
import type { Args, DataNode, Expr, NameNode, Stmt } from "./Nodes.js"

const argNodes = ({ args, dynArgs, dynKwargs, kwargs }: Args): ReadonlyArray<Expr> => [
  ...args,
  ...kwargs.map(({ value }) => value),
  ...(dynArgs === null ? [] : [dynArgs]),
  ...(dynKwargs === null ? [] : [dynKwargs])
]

const present = (nodes: ReadonlyArray<Expr | null>): ReadonlyArray<Expr> => nodes.flatMap((node) => node ?? [])

export const childExprs = (node: Expr): ReadonlyArray<Expr> => {
  switch (node.t) {
    case "Name":
    case "NSRef":
    case "Const":
      return []
    case "Tuple":
    case "List":
      return node.items
    case "Dict":
      return node.items.flatMap(({ key, value }) => [key, value])
    case "Cond":
      return present([node.test, node.yes, node.no])
    case "And":
    case "Or":
    case "Binary":
      return [node.left, node.right]
    case "Not":
    case "Neg":
    case "Pos":
    case "Getattr":
      return [node.node]
    case "Compare":
      return [node.node, ...node.ops.map((operand) => operand.node)]
    case "Concat":
      return node.nodes
    case "Getitem":
      return [node.node, node.arg]
    case "Slice":
      return present([node.start, node.stop, node.step])
    case "Call":
    case "Test":
      return [node.node, ...argNodes(node)]
    case "Filter":
      return [...present([node.node]), ...argNodes(node)]
  }
}

type Part = Expr | Stmt | DataNode

const isExpr = (part: Part): part is Expr => !STATEMENTS.has(part.t)
const STATEMENTS: ReadonlySet<string> = new Set<Stmt["t"] | "Data">([
  "Output",
  "If",
  "For",
  "Macro",
  "CallBlock",
  "Block",
  "Set",
  "SetBlock",
  "FilterBlock",
  "With",
  "Autoescape",
  "Break",
  "Continue",
  "Load",
  "Data"
])

/** Everything inside a statement, in the order of Jinja2's fields. */
export const childParts = (node: Stmt): ReadonlyArray<Part> => {
  switch (node.t) {
    case "Output":
      return node.nodes
    case "If":
      return [node.test, ...node.body, ...node.elifs, ...node.else]
    case "For":
      return [node.target, node.iter, ...node.body, ...node.else, ...present([node.test])]
    case "Macro":
      return [...node.params, ...node.defaults, ...node.body]
    case "CallBlock":
      return [...present([node.call]), ...node.params, ...node.defaults, ...node.body]
    case "Block":
      return node.body
    case "Set":
      return [node.target, node.node]
    case "SetBlock":
      return [node.target, ...present([node.filter]), ...node.body]
    case "FilterBlock":
      return [...node.body, node.filter]
    case "With":
      return [...node.targets, ...node.values, ...node.body]
    case "Autoescape":
      return [node.value, ...node.body]
    case "Load":
      return [node.template]
    default:
      return []
  }
}

/** Visits all names, and all statements; nothing inside a statement for which `visitStmt` says false. */
export const walk = (
  parts: ReadonlyArray<Part>,
  visitName: (node: NameNode) => void,
  visitStmt: (node: Stmt) => boolean
): void => {
  const stack: Array<Part> = [...parts].reverse()
  for (let part = stack.pop(); part !== undefined; part = stack.pop()) {
    if (part.t === "Data") continue
    if (isExpr(part)) {
      if (part.t === "Name") visitName(part)
      stack.push(...childExprs(part).toReversed())
    } else if (visitStmt(part)) stack.push(...childParts(part).toReversed())
  }
}

/** Those of `names` that are read before they are set; blocks are looked at on their own. */
export const undeclared = (parts: ReadonlyArray<Part>, names: ReadonlyArray<string>): ReadonlySet<string> => {
  const open = new Set(names)
  const found = new Set<string>()
  walk(
    parts,
    ({ ctx, name }) => {
      if (ctx === "load" && open.has(name)) found.add(name)
      else if (ctx !== "load") open.delete(name)
    },
    (node) => node.t !== "Block"
  )
  return found
}

/** Filters that need the running template. */
const CONTEXTUAL = new Set(["map", "select", "reject", "selectattr", "rejectattr", "random"])

/** Whether an expression is the same every time: built of constants only. */
export const isConstant = (node: Expr): boolean => {
  if (node.t === "Name" || node.t === "NSRef" || node.t === "Call") return false
  return !(node.t === "Filter" && CONTEXTUAL.has(node.name)) && childExprs(node).every(isConstant)
}
