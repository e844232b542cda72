/**
 * Template text to tokens, as Jinja2's lexer with trim_blocks and lstrip_blocks. No library fits: those for JavaScript take
 * another language (their whitespace rules, numbers and strings differ from Python's), and give no line for an error.
 */
import { syntaxError, TemplateFailure } from "./Failure.js"
import { SPACE } from "./Space.js"

export type TokenType =
  | "data"
  | "variable_begin"
  | "variable_end"
  | "block_begin"
  | "block_end"
  | "name"
  | "string"
  | "integer"
  | "float"
  | "operator"
  | "eof"
  | "failure"

export interface Token {
  readonly type: TokenType
  /** Source of a number, value of a string, text of anything else. */
  readonly value: string
  readonly line: number
  readonly failure?: TemplateFailure
}

const WHITESPACE = new RegExp(`[${SPACE}]+`, "y")
const ONLY_WHITESPACE = new RegExp(`^[${SPACE}]+$`)
const TRAILING_WHITESPACE = new RegExp(`[${SPACE}]+$`)
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy
const NAME = /[\p{L}\p{N}\p{M}_\p{Pc}·]+/uy
const IDENTIFIER = /^[\p{XID_Start}_]\p{XID_Continue}*$/u
const STRING = /'[^'\\]*(?:\\[\s\S][^'\\]*)*'|"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y
const OPERATOR = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}<>=.:|,;]/y
const OPENING = /\{[{%#]/g
const RAW_BEGIN = new RegExp(`\\{%[-+]?[${SPACE}]*raw[${SPACE}]*(?:-%\\}[${SPACE}]*|%\\})`, "y")
const RAW_END = new RegExp(`\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?)`, "g")
const COMMENT_END = new RegExp(`\\+#\\}|-#\\}[${SPACE}]*|#\\}\\n?`, "g")
const BLOCK_END = new RegExp(`\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?`, "y")
const VARIABLE_END = new RegExp(`-\\}\\}[${SPACE}]*|\\}\\}`, "y")

type LexemeType = "space" | "float" | "integer" | "name" | "string" | "operator"
const LEXEMES: ReadonlyArray<readonly [LexemeType, RegExp]> = [
  ["space", WHITESPACE],
  ["float", FLOAT],
  ["integer", INTEGER],
  ["name", NAME],
  ["string", STRING],
  ["operator", OPERATOR]
]

const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" }

const matchAt = (pattern: RegExp, source: string, at: number): string | null => {
  pattern.lastIndex = at
  return pattern.exec(source)?.[0] ?? null
}

const SIMPLE: Readonly<Record<string, string>> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v"
}
const DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }
const ESCAPE = /\\(?:([0-7]{1,3})|(x)([\da-fA-F]{0,2})|(u)([\da-fA-F]{0,4})|(U)([\da-fA-F]{0,8})|([\s\S]))/gu

/** A character outside ASCII after a backslash is written as an escape first, whose backslash the other one then eats. */
const backslashed = (c: string): string => {
  const code = (c.codePointAt(0) ?? 0).toString(16)
  if (code.length <= 2) return `x${code.padStart(2, "0")}`
  return code.length <= 4 ? `u${code.padStart(4, "0")}` : `U${code.padStart(8, "0")}`
}

/** The value of a string literal's inside, as Python's unicode-escape reads it. */
const unescaped = (body: string, line: number): string => {
  if (!body.includes("\\")) return body
  return body.replaceAll(ESCAPE, (whole, octal, x, xs, u, us, U, Us, other) => {
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8))
    const kind: string | undefined = x ?? u ?? U
    if (kind !== undefined) {
      const digits: string = xs ?? us ?? Us
      const code = Number.parseInt(digits, 16)
      if (digits.length < (DIGITS[kind] ?? 0) || code > 0x10ffff) {
        throw syntaxError(`truncated or illegal \\${kind} escape`, line)
      }
      return String.fromCodePoint(code)
    }
    if (other === "N") throw syntaxError("\\N escapes are not supported", line)
    if (other > "\x7f") return `\\${backslashed(other)}`
    return SIMPLE[other] ?? whole
  })
}

/** Lines end in \n; the last one's end is dropped. */
const normalized = (source: string): string => source.replaceAll(/\r\n?/g, "\n").replace(/\n$/, "")

class Scanner {
  readonly tokens: Array<Token> = []
  #at = 0
  #line = 1
  #counted = 0

  constructor(readonly source: string) {}

  #lineAt(position: number): number {
    for (; this.#counted < position; this.#counted++) if (this.source.charCodeAt(this.#counted) === 10) this.#line++
    return this.#line
  }

  #push(type: TokenType, value: string, at: number): void {
    this.tokens.push({ type, value, line: this.#lineAt(at) })
  }

  /** Text before a tag; its end is stripped as the tag's sign says. */
  #data(end: number, sign: string, isVariable: boolean): void {
    const text = this.source.slice(this.#at, end)
    let kept = text
    if (sign === "-") kept = text.replace(TRAILING_WHITESPACE, "")
    else if (sign !== "+" && !isVariable) {
      const lineStart = text.lastIndexOf("\n") + 1
      const startsLine = lineStart > 0 || this.#at === 0 || this.source[this.#at - 1] === "\n"
      if (startsLine && ONLY_WHITESPACE.test(text.slice(lineStart))) kept = text.slice(0, lineStart)
    }
    if (kept !== "") this.#push("data", kept, this.#at)
  }

  #fail(message: string, at: number): never {
    throw syntaxError(message, this.#lineAt(at))
  }

  #raw(begin: string, at: number): void {
    this.#at = at + begin.length
    RAW_END.lastIndex = this.#at
    const end = RAW_END.exec(this.source)
    if (end === null) this.#fail("Missing end of raw directive", this.#at)
    else {
      this.#data(end.index, end[1] ?? "", false)
      this.#at = end.index + end[0].length
    }
  }

  #comment(at: number): void {
    COMMENT_END.lastIndex = at
    const end = COMMENT_END.exec(this.source)
    if (end === null) this.#fail("Missing end of comment tag", at)
    else this.#at = end.index + end[0].length
  }

  #string(text: string): void {
    this.#push("string", unescaped(text.slice(1, -1), this.#lineAt(this.#at)), this.#at)
  }

  #operator(text: string, open: Array<string>): void {
    const closing = CLOSING[text]
    if (closing !== undefined) open.push(closing)
    else if (text === ")" || text === "]" || text === "}") {
      const expected = open.pop()
      if (expected !== text) this.#fail(`unexpected '${text}'`, this.#at)
    }
    this.#push("operator", text, this.#at)
  }

  /** The inside of a tag, to its end or to the end of the source. */
  #tag(end: RegExp, endType: TokenType): void {
    const { source } = this
    const open: Array<string> = []
    const take = (pattern: RegExp) => matchAt(pattern, source, this.#at)
    while (this.#at < source.length) {
      const closing = open.length === 0 ? take(end) : null
      if (closing !== null) {
        this.#push(endType, closing, this.#at)
        this.#at += closing.length
        return
      }
      const found = this.#lexeme()
      if (found === null) this.#fail(`unexpected char '${source[this.#at]}'`, this.#at)
      else {
        const [type, text] = found
        if (type === "string") this.#string(text)
        else if (type === "operator") this.#operator(text, open)
        else if (type !== "space") this.#push(type, text, this.#at)
        this.#at += text.length
      }
    }
  }

  /** The next lexeme inside a tag, by the first pattern that fits. */
  #lexeme(): readonly [LexemeType, string] | null {
    for (const [type, pattern] of LEXEMES) {
      const text = matchAt(pattern, this.source, this.#at)
      if (text === null) continue
      if (type === "name" && !IDENTIFIER.test(text)) this.#fail("Invalid character in identifier", this.#at)
      return [type, text]
    }
    return null
  }

  #opening(at: number): void {
    const { source } = this
    const begin = matchAt(RAW_BEGIN, source, at)
    const kind = source[at + 1]
    const sign = source[at + 2] === "-" || source[at + 2] === "+" ? (source[at + 2] ?? "") : ""
    this.#data(at, sign, kind === "{")
    this.#at = at + 2 + sign.length
    if (begin !== null) this.#raw(begin, at)
    else if (kind === "#") this.#comment(this.#at)
    else if (kind === "%") {
      this.#push("block_begin", "{%", at)
      this.#tag(BLOCK_END, "block_end")
    } else {
      this.#push("variable_begin", "{{", at)
      this.#tag(VARIABLE_END, "variable_end")
    }
  }

  scan(): void {
    const { source } = this
    while (this.#at < source.length) {
      OPENING.lastIndex = this.#at
      const at = OPENING.exec(source)?.index
      if (at === undefined) {
        this.#push("data", source.slice(this.#at), this.#at)
        return
      }
      this.#opening(at)
    }
  }
}

/** The tokens of a template. A failure is the last token: what stands before it may fail first. */
export const tokenize = (source: string): ReadonlyArray<Token> => {
  const scanner = new Scanner(normalized(source))
  try {
    scanner.scan()
  } catch (error) {
    const { tokens } = scanner
    if (!(error instanceof TemplateFailure)) throw error
    return [...tokens, { type: "failure", value: "", line: 0, failure: error }]
  }
  const last = scanner.tokens[scanner.tokens.length - 1]
  return [...scanner.tokens, { type: "eof", value: "", line: last?.line ?? 1 }]
}
