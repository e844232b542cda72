/** Statements of the template language: Jinja2's, loop controls and the `generation` tag of transformers. */
import { ExpressionParser } from "./ExpressionParser.js"
import type { Body, DataNode, Expr, FilterNode, IfNode, NameNode, Signature, Stmt } from "./Nodes.js"
import { TokenStream } from "./TokenStream.js"

const UNASSIGNABLE = new Set(["true", "false", "none", "True", "False", "None"])

/** The expression as a target; null when nothing can be assigned to it. */
const asTarget = (node: Expr, ctx: "store" | "param"): Expr | null => {
  if (node.t === "Name") return UNASSIGNABLE.has(node.name) ? null : { ...node, ctx }
  if (node.t === "NSRef") return node
  if (node.t !== "Tuple") return null
  const items = node.items.flatMap((item) => asTarget(item, ctx) ?? [])
  return items.length === node.items.length ? { ...node, items } : null
}

const isBlank = (node: Stmt): boolean =>
  node.t === "Output" && node.nodes.every((child) => child.t === "Data" && /^\s+$/.test(child.data))

class Parser extends ExpressionParser {
  /** Statements up to a tag of one of these names, which is consumed; its name comes first. */
  #statements(...end: ReadonlyArray<string>): readonly [string, Body] {
    this.stream.skipOperator(":")
    this.stream.expect("block_end")
    const body = this.stream.nested(() => this.body(end))
    if (this.stream.current.type === "eof") this.stream.fail(`unexpected end of template, expected ${end.join(" or ")}`)
    return [this.stream.next().value, body]
  }

  body(end: ReadonlyArray<string>): Body {
    const { stream } = this
    const body: Array<Stmt> = []
    let output: Array<Expr | DataNode> = []
    const flush = () => {
      const [first] = output
      if (first !== undefined) body.push({ t: "Output", line: first.line, nodes: output })
      output = []
    }
    while (stream.current.type !== "eof") {
      const token = stream.next()
      if (token.type === "data") output.push({ t: "Data", line: token.line, data: token.value })
      else if (token.type === "variable_begin") {
        output.push(this.tuple())
        stream.expect("variable_end")
      } else {
        flush()
        if (stream.isName(...end)) return body
        body.push(this.#statement())
        stream.expect("block_end")
      }
    }
    flush()
    return body
  }

  #statement(): Stmt {
    const { line, type, value } = this.stream.current
    if (type !== "name") this.stream.fail("tag name expected")
    const parse = Object.hasOwn(this.#tags, value) ? this.#tags[value] : undefined
    if (parse === undefined) return this.stream.fail(`Encountered unknown tag '${value}'.`, line)
    this.stream.next()
    return parse(line)
  }

  readonly #tags: Readonly<Record<string, (line: number) => Stmt>> = {
    for: (line) => this.#for(line),
    if: (line) => this.#if(line),
    block: (line) => this.#block(line),
    extends: (line) => this.#load("extends", line),
    print: (line) => this.#print(line),
    macro: (line) => {
      const name = this.stream.expect("name").value
      if (UNASSIGNABLE.has(name)) this.stream.fail(`can't assign to '${name}'`, line)
      return { t: "Macro", line, name, ...this.#signature(), body: this.#statements("endmacro")[1] }
    },
    include: (line) => this.#load("include", line),
    from: (line) => this.#from(line),
    import: (line) => {
      const load = this.#load("import", line)
      this.stream.expectName("as")
      const names = [this.#nameTarget().name]
      this.#importContext()
      return { ...load, names }
    },
    set: (line) => this.#set(line),
    with: (line) => this.#with(line),
    autoescape: (line) => ({
      t: "Autoescape",
      line,
      value: this.expression(),
      body: this.#statements("endautoescape")[1]
    }),
    call: (line) => this.#callBlock(line),
    filter: (line) => ({ t: "FilterBlock", line, filter: this.filter(null), body: this.#statements("endfilter")[1] }),
    generation: (line) => ({
      t: "CallBlock",
      line,
      params: [],
      defaults: [],
      call: null,
      body: this.#statements("endgeneration")[1]
    }),
    break: (line) => ({ t: "Break", line }),
    continue: (line) => ({ t: "Continue", line })
  }

  #target(options: { readonly namespace?: boolean; readonly ctx?: "param" }): Expr {
    const { namespace = false, ctx = "store" } = options
    const node = this.tuple({ target: { namespace } })
    return asTarget(node, ctx) ?? this.stream.fail("can't assign to that", node.line)
  }

  #nameTarget(): NameNode {
    const { line, value: name } = this.stream.expect("name")
    if (UNASSIGNABLE.has(name)) this.stream.fail(`can't assign to '${name}'`, line)
    return { t: "Name", line, name, ctx: "store" }
  }

  #for(line: number): Stmt {
    const target = this.#target({})
    this.stream.expectName("in")
    const iter = this.tuple({ withCondition: false })
    const test = this.stream.skipName("if") ? this.expression() : null
    const recursive = this.stream.skipName("recursive")
    const [end, body] = this.#statements("endfor", "else")
    const otherwise = end === "endfor" ? [] : this.#statements("endfor")[1]
    return { t: "For", line, target, iter, test, recursive, body, else: otherwise }
  }

  #if(line: number): IfNode {
    const branch = (at: number) => {
      const test = this.tuple({ withCondition: false })
      const [end, body] = this.#statements("elif", "else", "endif")
      return { end, node: { t: "If", line: at, test, body, elifs: [], else: [] } satisfies IfNode }
    }
    let { end, node } = branch(line)
    const elifs: Array<IfNode> = []
    const first = node
    while (end === "elif") {
      ;({ end, node } = branch(this.stream.current.line))
      elifs.push(node)
    }
    return { ...first, elifs, else: end === "else" ? this.#statements("endif")[1] : [] }
  }

  #block(line: number): Stmt {
    const { stream } = this
    const name = stream.expect("name").value
    const scoped = stream.skipName("scoped")
    const required = stream.skipName("required")
    if (stream.isOperator("-")) stream.fail("Block names may not contain hyphens.")
    const [, body] = this.#statements("endblock")
    if (required && !body.every(isBlank)) stream.fail("Required blocks can only contain comments or whitespace")
    stream.skipName(name)
    return { t: "Block", line, name, scoped, required, body }
  }

  #print(line: number): Stmt {
    const nodes: Array<Expr> = []
    while (this.stream.current.type !== "block_end") {
      if (nodes.length > 0) this.stream.expectOperator(",")
      nodes.push(this.expression())
    }
    return { t: "Output", line, nodes }
  }

  #importContext(): boolean {
    const { stream } = this
    if (!stream.isName("with", "without") || stream.look().value !== "context") return false
    stream.next()
    stream.next()
    return true
  }

  #load(tag: "include" | "import" | "extends", line: number): Stmt & { readonly t: "Load" } {
    const { stream } = this
    const template = this.expression()
    let ignoreMissing = false
    if (tag === "include") {
      ignoreMissing = stream.isName("ignore") && stream.look().value === "missing"
      if (ignoreMissing) {
        stream.next()
        stream.next()
      }
      this.#importContext()
    }
    return { t: "Load", line, tag, template, names: [], ignoreMissing }
  }

  #from(line: number): Stmt {
    const { stream } = this
    const template = this.expression()
    stream.expectName("import")
    const names: Array<string> = []
    for (;;) {
      if (names.length > 0) stream.expectOperator(",")
      if (stream.current.type !== "name") stream.expect("name")
      if (this.#importContext()) break
      const target = this.#nameTarget()
      if (target.name.startsWith("_")) stream.fail("names starting with an underline can not be imported", target.line)
      names.push(stream.skipName("as") ? this.#nameTarget().name : target.name)
      if (this.#importContext() || !stream.isOperator(",")) break
    }
    return { t: "Load", line, tag: "from", template, names, ignoreMissing: false }
  }

  #set(line: number): Stmt {
    const target = this.#target({ namespace: true })
    if (this.stream.skipOperator("=")) return { t: "Set", line, target, node: this.tuple() }
    const filter: FilterNode | null = this.stream.skipOperator("|") ? this.filter(null) : null
    return { t: "SetBlock", line, target, filter, body: this.#statements("endset")[1] }
  }

  #with(line: number): Stmt {
    const targets: Array<Expr> = []
    const values: Array<Expr> = []
    while (this.stream.current.type !== "block_end") {
      if (targets.length > 0) this.stream.expectOperator(",")
      targets.push(this.#target({ ctx: "param" }))
      this.stream.expectOperator("=")
      values.push(this.expression())
    }
    return { t: "With", line, targets, values, body: this.#statements("endwith")[1] }
  }

  #signature(): Signature {
    const params: Array<NameNode> = []
    const defaults: Array<Expr> = []
    this.stream.expectOperator("(")
    while (!this.stream.isOperator(")")) {
      if (params.length > 0) this.stream.expectOperator(",")
      const param: NameNode = { ...this.#nameTarget(), ctx: "param" }
      if (this.stream.skipOperator("=")) defaults.push(this.expression())
      else if (defaults.length > 0) this.stream.fail("non-default argument follows default argument")
      params.push(param)
    }
    this.stream.next()
    return { params, defaults }
  }

  #callBlock(line: number): Stmt {
    const signature = this.stream.isOperator("(") ? this.#signature() : { params: [], defaults: [] }
    const call = this.expression()
    if (call.t !== "Call") return this.stream.fail("expected call", line)
    return { t: "CallBlock", line, ...signature, call, body: this.#statements("endcall")[1] }
  }
}

/** The statements of a template. Throws a TemplateFailure of kind `syntax`. */
export const parse = (source: string): Body => new Parser(new TokenStream(source)).body([])
