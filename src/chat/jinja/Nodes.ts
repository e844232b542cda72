/** The syntax tree of a template. `line` is the line that Jinja2 gives the node, which errors are reported at. */

export interface Args {
  readonly args: ReadonlyArray<Expr>
  readonly kwargs: ReadonlyArray<{ readonly name: string; readonly value: Expr }>
  readonly dynArgs: Expr | null
  readonly dynKwargs: Expr | null
}

export const NO_ARGS: Args = { args: [], kwargs: [], dynArgs: null, dynKwargs: null }

export interface NameNode {
  readonly t: "Name"
  readonly line: number
  readonly name: string
  readonly ctx: "load" | "store" | "param"
}

export type BinaryOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**"
export type CompareOperator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "notin"

export type Constant = null | boolean | string | { readonly integer: string } | { readonly float: number }

interface At {
  readonly line: number
}

export type Expr =
  | NameNode
  | (At & { readonly t: "NSRef"; readonly name: string; readonly attr: string })
  | (At & { readonly t: "Const"; readonly value: Constant })
  | (At & { readonly t: "Tuple" | "List"; readonly items: ReadonlyArray<Expr> })
  | (At & { readonly t: "Dict"; readonly items: ReadonlyArray<{ readonly key: Expr; readonly value: Expr }> })
  | (At & { readonly t: "Cond"; readonly test: Expr; readonly yes: Expr; readonly no: Expr | null })
  | (At & { readonly t: "And" | "Or"; readonly left: Expr; readonly right: Expr })
  | (At & { readonly t: "Binary"; readonly op: BinaryOperator; readonly left: Expr; readonly right: Expr })
  | (At & { readonly t: "Not" | "Neg" | "Pos"; readonly node: Expr })
  | (At & {
      readonly t: "Compare"
      readonly node: Expr
      readonly ops: ReadonlyArray<{ readonly op: CompareOperator; readonly node: Expr }>
    })
  | (At & { readonly t: "Concat"; readonly nodes: ReadonlyArray<Expr> })
  | (At & { readonly t: "Getattr"; readonly node: Expr; readonly attr: string })
  | (At & { readonly t: "Getitem"; readonly node: Expr; readonly arg: Expr })
  | (At & {
      readonly t: "Slice"
      readonly start: Expr | null
      readonly stop: Expr | null
      readonly step: Expr | null
    })
  | CallNode
  | FilterNode
  | (At & Args & { readonly t: "Test"; readonly node: Expr; readonly name: string })

export type CallNode = At & Args & { readonly t: "Call"; readonly node: Expr }
/** `node` is null where the filtered text is a block. */
export type FilterNode = At & Args & { readonly t: "Filter"; readonly node: Expr | null; readonly name: string }

export interface Signature {
  readonly params: ReadonlyArray<NameNode>
  /** Of the last parameters. */
  readonly defaults: ReadonlyArray<Expr>
}

export type Body = ReadonlyArray<Stmt>

export interface IfNode extends At {
  readonly t: "If"
  readonly test: Expr
  readonly body: Body
  readonly elifs: ReadonlyArray<IfNode>
  readonly else: Body
}

export interface ForNode extends At {
  readonly t: "For"
  readonly target: Expr
  readonly iter: Expr
  readonly test: Expr | null
  readonly recursive: boolean
  readonly body: Body
  readonly else: Body
}

export type MacroNode = At & Signature & { readonly t: "Macro"; readonly name: string; readonly body: Body }
/** `call` is null for the `generation` tag, whose body is rendered as it is. */
export type CallBlockNode = At &
  Signature & { readonly t: "CallBlock"; readonly call: CallNode | null; readonly body: Body }
export type BlockNode = At & {
  readonly t: "Block"
  readonly name: string
  readonly scoped: boolean
  readonly required: boolean
  readonly body: Body
}

export type Stmt =
  | (At & { readonly t: "Output"; readonly nodes: ReadonlyArray<Expr | DataNode> })
  | IfNode
  | ForNode
  | MacroNode
  | CallBlockNode
  | BlockNode
  | (At & { readonly t: "Set"; readonly target: Expr; readonly node: Expr })
  | (At & { readonly t: "SetBlock"; readonly target: Expr; readonly filter: FilterNode | null; readonly body: Body })
  | (At & { readonly t: "FilterBlock"; readonly filter: FilterNode; readonly body: Body })
  | (At & {
      readonly t: "With"
      readonly targets: ReadonlyArray<Expr>
      readonly values: ReadonlyArray<Expr>
      readonly body: Body
    })
  | (At & { readonly t: "Autoescape"; readonly value: Expr; readonly body: Body })
  | (At & { readonly t: "Break" | "Continue" })
  /** include, import, from … import and extends: the environment has no loader, so all of them fail when reached. */
  | (At & {
      readonly t: "Load"
      readonly tag: "include" | "import" | "from" | "extends"
      readonly template: Expr
      readonly names: ReadonlyArray<string>
      readonly ignoreMissing: boolean
    })

export interface DataNode {
  readonly t: "Data"
  readonly line: number
  readonly data: string
}
