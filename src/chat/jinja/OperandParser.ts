/** Operands: literals, names, brackets, and what follows them: attributes, calls, filters and tests. */
import type { Token } from "./Lexer.js"
import { type Args, type CallNode, type Expr, type FilterNode, NO_ARGS } from "./Nodes.js"
import type { TokenStream } from "./TokenStream.js"

const CONSTANTS: Readonly<Record<string, null | boolean>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null
}

export interface TupleOptions {
  readonly withCondition?: boolean
  readonly parenthesized?: boolean
  /** Only names and literals: the target of an assignment. */
  readonly target?: { readonly namespace: boolean }
}

export abstract class OperandParser {
  constructor(protected readonly stream: TokenStream) {}

  abstract expression(withCondition?: boolean): Expr

  primary(withNamespace: boolean): Expr {
    const { stream } = this
    const token = stream.current
    const { line, type, value } = token
    switch (type) {
      case "name":
        stream.next()
        if (Object.hasOwn(CONSTANTS, value)) return { t: "Const", line, value: CONSTANTS[value] ?? null }
        if (!withNamespace || !stream.skipOperator(".")) return { t: "Name", line, name: value, ctx: "load" }
        return { t: "NSRef", line, name: value, attr: stream.expect("name").value }
      case "string": {
        let text = ""
        while (stream.current.type === "string") text += stream.next().value
        return { t: "Const", line, value: text }
      }
      case "integer":
        stream.next()
        return { t: "Const", line, value: { integer: value.replaceAll("_", "") } }
      case "float":
        stream.next()
        return { t: "Const", line, value: { float: Number(value.replaceAll("_", "")) } }
      default:
        return this.#bracketed(token)
    }
  }

  #bracketed(token: Token): Expr {
    const { stream } = this
    if (token.type !== "operator") stream.unexpected(token)
    if (stream.skipOperator("(")) {
      const node = this.tuple({ parenthesized: true })
      stream.expectOperator(")")
      return node
    }
    if (stream.skipOperator("["))
      return { t: "List", line: token.line, items: this.#items("]", () => this.expression()) }
    if (!stream.skipOperator("{")) stream.unexpected(token)
    const pair = () => {
      const key = this.expression()
      stream.expectOperator(":")
      return { key, value: this.expression() }
    }
    return { t: "Dict", line: token.line, items: this.#items("}", pair) }
  }

  /** Items between commas, to the closing bracket. */
  #items<A>(close: string, item: () => A): ReadonlyArray<A> {
    const items: Array<A> = []
    while (!this.stream.isOperator(close)) {
      if (items.length > 0) this.stream.expectOperator(",")
      if (this.stream.isOperator(close)) break
      items.push(item())
    }
    this.stream.expectOperator(close)
    return items
  }

  #isTupleEnd(): boolean {
    const { type } = this.stream.current
    return type === "variable_end" || type === "block_end" || this.stream.isOperator(")")
  }

  /** One expression, or several with commas between them. */
  tuple(options: TupleOptions = {}): Expr {
    const { parenthesized, target, withCondition = true } = options
    let { line } = this.stream.current
    const items: Array<Expr> = []
    let isTuple = false
    for (;;) {
      if (items.length > 0) this.stream.expectOperator(",")
      if (this.#isTupleEnd()) break
      items.push(
        target === undefined ? this.expression(withCondition) : this.stream.nested(() => this.primary(target.namespace))
      )
      if (!this.stream.isOperator(",")) break
      isTuple = true
      line = this.stream.current.line
    }
    const [only] = items
    if (!isTuple && only !== undefined) return only
    if (!isTuple && parenthesized !== true) this.stream.fail("Expected an expression")
    return { t: "Tuple", line, items }
  }

  protected postfix(start: Expr): Expr {
    let node = start
    for (;;) {
      if (this.stream.isOperator(".") || this.stream.isOperator("[")) node = this.#subscript(node)
      else if (this.stream.isOperator("(")) node = this.#call(node)
      else return node
    }
  }

  protected filtered(start: Expr): Expr {
    let node = start
    for (;;) {
      if (this.stream.isOperator("|")) {
        this.stream.next()
        node = this.filter(node)
      } else if (this.stream.isName("is")) node = this.#test(node)
      else if (this.stream.isOperator("(")) node = this.#call(node)
      else return node
    }
  }

  #subscript(node: Expr): Expr {
    const { line, value: bracket } = this.stream.next()
    if (bracket === ".") {
      const attr = this.stream.next()
      if (attr.type === "name") return { t: "Getattr", line, node, attr: attr.value }
      if (attr.type !== "integer") this.stream.fail("expected name or number", attr.line)
      const value = { integer: attr.value.replaceAll("_", "") }
      return { t: "Getitem", line, node, arg: { t: "Const", line: attr.line, value } }
    }
    const args: Array<Expr> = []
    while (!this.stream.isOperator("]")) {
      if (args.length > 0) this.stream.expectOperator(",")
      args.push(this.#subscribed())
    }
    this.stream.next()
    const [only] = args
    return {
      t: "Getitem",
      line,
      node,
      arg: args.length === 1 && only !== undefined ? only : { t: "Tuple", line, items: args }
    }
  }

  /** An index or a slice. */
  #subscribed(): Expr {
    const { stream } = this
    const { line } = stream.current
    const part = () =>
      stream.isOperator("]") || stream.isOperator(",") || stream.isOperator(":") ? null : this.expression()
    const start = stream.isOperator(":") ? null : this.expression()
    if (start !== null && !stream.isOperator(":")) return start
    stream.next()
    const stop = part()
    const step = stream.skipOperator(":")
      ? stream.isOperator("]") || stream.isOperator(",")
        ? null
        : this.expression()
      : null
    return { t: "Slice", line, start, stop, step }
  }

  #callArgs(): Args {
    const { stream } = this
    const { line } = stream.expectOperator("(")
    const args: Array<Expr> = []
    const kwargs: Array<{ name: string; value: Expr }> = []
    let dynArgs: Expr | null = null
    let dynKwargs: Expr | null = null
    const ensure = (valid: boolean) => {
      if (!valid) stream.fail("invalid syntax for function call expression", line)
    }
    for (let first = true; !stream.isOperator(")"); first = false) {
      if (!first) {
        stream.expectOperator(",")
        if (stream.isOperator(")")) break
      }
      if (stream.skipOperator("*")) {
        ensure(dynArgs === null && dynKwargs === null)
        dynArgs = this.expression()
      } else if (stream.skipOperator("**")) {
        ensure(dynKwargs === null)
        dynKwargs = this.expression()
      } else if (stream.current.type === "name" && stream.look().type === "operator" && stream.look().value === "=") {
        ensure(dynKwargs === null)
        const name = stream.next().value
        stream.next()
        kwargs.push({ name, value: this.expression() })
      } else {
        ensure(dynArgs === null && dynKwargs === null && kwargs.length === 0)
        args.push(this.expression())
      }
    }
    stream.expectOperator(")")
    return { args, kwargs, dynArgs, dynKwargs }
  }

  #call(node: Expr): CallNode {
    const { line } = this.stream.current
    return { t: "Call", line, node, ...this.#callArgs() }
  }

  #dottedName(): Token {
    const token = this.stream.expect("name")
    let name = token.value
    while (this.stream.skipOperator(".")) name += `.${this.stream.expect("name").value}`
    return { ...token, value: name }
  }

  /** The filter after a `|`, and those that follow. */
  filter(node: Expr | null): FilterNode {
    const { line, value: name } = this.#dottedName()
    const args = this.stream.isOperator("(") ? this.#callArgs() : NO_ARGS
    const filter: FilterNode = { t: "Filter", line, node, name, ...args }
    return this.stream.skipOperator("|") ? this.stream.nested(() => this.filter(filter)) : filter
  }

  #takesArgument(): boolean {
    const { stream } = this
    const { type, value } = stream.current
    if (type === "name") return value !== "else" && value !== "or" && value !== "and"
    return (
      type === "string" ||
      type === "integer" ||
      type === "float" ||
      (type === "operator" && (value === "[" || value === "{"))
    )
  }

  #testArgs(): Args {
    if (this.stream.isOperator("(")) return this.#callArgs()
    if (!this.#takesArgument()) return NO_ARGS
    if (this.stream.isName("is")) this.stream.fail("You cannot chain multiple tests with is")
    return { ...NO_ARGS, args: [this.postfix(this.primary(false))] }
  }

  #test(node: Expr): Expr {
    const { line } = this.stream.next()
    const negated = this.stream.skipName("not")
    const { value: name } = this.#dottedName()
    const test: Expr = { t: "Test", line, node, name, ...this.#testArgs() }
    return negated ? { t: "Not", line, node: test } : test
  }
}
