/** Expressions of the template language, by the precedence of Jinja2's grammar. */
import type { BinaryOperator, CompareOperator, Expr } from "./Nodes.js"
import { OperandParser } from "./OperandParser.js"

const COMPARE: Readonly<Record<string, CompareOperator>> = {
  "==": "==",
  "!=": "!=",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">="
}
const SUMS: Readonly<Record<string, BinaryOperator>> = { "+": "+", "-": "-" }
const PRODUCTS: Readonly<Record<string, BinaryOperator>> = { "*": "*", "/": "/", "//": "//", "%": "%" }
const POWERS: Readonly<Record<string, BinaryOperator>> = { "**": "**" }
export class ExpressionParser extends OperandParser {
  expression(withCondition = true): Expr {
    return this.stream.nested(() => (withCondition ? this.#condition() : this.#or()))
  }

  #condition(): Expr {
    let { line } = this.stream.current
    let node = this.#or()
    while (this.stream.skipName("if")) {
      const test = this.#or()
      const otherwise = this.stream.skipName("else") ? this.stream.nested(() => this.#condition()) : null
      node = { t: "Cond", line, test, yes: node, no: otherwise }
      line = this.stream.current.line
    }
    return node
  }

  #or(): Expr {
    let { line } = this.stream.current
    let left = this.#and()
    while (this.stream.skipName("or")) {
      left = { t: "Or", line, left, right: this.#and() }
      line = this.stream.current.line
    }
    return left
  }

  #and(): Expr {
    let { line } = this.stream.current
    let left = this.#not()
    while (this.stream.skipName("and")) {
      left = { t: "And", line, left, right: this.#not() }
      line = this.stream.current.line
    }
    return left
  }

  #not(): Expr {
    if (!this.stream.isName("not")) return this.#compare()
    const { line } = this.stream.next()
    return { t: "Not", line, node: this.stream.nested(() => this.#not()) }
  }

  #compareOperator(): CompareOperator | null {
    const { stream } = this
    if (stream.current.type === "operator") {
      const op = COMPARE[stream.current.value]
      if (op !== undefined) stream.next()
      return op ?? null
    }
    if (stream.skipName("in")) return "in"
    if (!stream.isName("not")) return null
    const after = stream.look()
    if (after.type !== "name" || after.value !== "in") return null
    stream.next()
    stream.next()
    return "notin"
  }

  #compare(): Expr {
    let { line } = this.stream.current
    const node = this.#sum()
    const ops: Array<{ op: CompareOperator; node: Expr }> = []
    for (let op = this.#compareOperator(); op !== null; op = this.#compareOperator()) {
      ops.push({ op, node: this.#sum() })
      line = this.stream.current.line
    }
    return ops.length === 0 ? node : { t: "Compare", line, node, ops }
  }

  #leftAssociative(operators: Readonly<Record<string, BinaryOperator>>, operand: () => Expr): Expr {
    let { line } = this.stream.current
    let left = operand()
    for (;;) {
      const { type, value } = this.stream.current
      const op = type === "operator" ? operators[value] : undefined
      if (op === undefined) return left
      this.stream.next()
      left = { t: "Binary", line, op, left, right: operand() }
      line = this.stream.current.line
    }
  }

  #sum(): Expr {
    return this.#leftAssociative(SUMS, () => this.#concat())
  }

  #concat(): Expr {
    const { line } = this.stream.current
    const nodes = [this.#product()]
    while (this.stream.skipOperator("~")) nodes.push(this.#product())
    const [only] = nodes
    return nodes.length === 1 && only !== undefined ? only : { t: "Concat", line, nodes }
  }

  #product(): Expr {
    return this.#leftAssociative(PRODUCTS, () => this.#leftAssociative(POWERS, () => this.#unary(true)))
  }

  #unary(withFilter: boolean): Expr {
    const { line, type, value } = this.stream.current
    let node: Expr
    if (type === "operator" && (value === "-" || value === "+")) {
      this.stream.next()
      node = { t: value === "-" ? "Neg" : "Pos", line, node: this.stream.nested(() => this.#unary(false)) }
    } else node = this.primary(false)
    node = this.postfix(node)
    return withFilter ? this.filtered(node) : node
  }
}
