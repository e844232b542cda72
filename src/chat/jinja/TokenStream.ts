/** Tokens of a template, read one by one with one token of look-ahead. */
import { syntaxError } from "./Failure.js"
import { type Token, type TokenType, tokenize } from "./Lexer.js"

/** Deepest nesting of expressions and blocks; Python's own parser gives up at about this depth. */
const MAX_DEPTH = 200

const described = ({ type, value }: Token): string => (type === "eof" ? "end of template" : value)

export class TokenStream {
  readonly #tokens: ReadonlyArray<Token>
  #at = 0
  #depth = 0
  current: Token

  constructor(source: string) {
    this.#tokens = tokenize(source)
    this.current = this.#checked(0)
  }

  /** A failure of the lexer is raised when the parser gets to it. */
  #checked(index: number): Token {
    const token = this.#tokens[Math.min(index, this.#tokens.length - 1)]
    if (token === undefined) throw syntaxError("no tokens", 1)
    if (token.failure !== undefined) throw token.failure
    return token
  }

  /** Goes on, and returns the token left behind. */
  next(): Token {
    const token = this.current
    if (token.type !== "eof") this.current = this.#checked(++this.#at)
    return token
  }

  look(): Token {
    return this.#checked(this.#at + 1)
  }

  isOperator(text: string): boolean {
    return this.current.type === "operator" && this.current.value === text
  }

  isName(...names: ReadonlyArray<string>): boolean {
    return this.current.type === "name" && names.includes(this.current.value)
  }

  skipOperator(text: string): boolean {
    const found = this.isOperator(text)
    if (found) this.next()
    return found
  }

  skipName(text: string): boolean {
    const found = this.isName(text)
    if (found) this.next()
    return found
  }

  expect(type: TokenType): Token {
    if (this.current.type !== type) this.fail(`expected token '${type}', got '${described(this.current)}'`)
    return this.next()
  }

  expectOperator(text: string): Token {
    if (!this.isOperator(text)) this.fail(`expected token '${text}', got '${described(this.current)}'`)
    return this.next()
  }

  expectName(text: string): Token {
    if (!this.isName(text)) this.fail(`expected token '${text}', got '${described(this.current)}'`)
    return this.next()
  }

  fail(message: string, line = this.current.line): never {
    throw syntaxError(message, line)
  }

  unexpected(token = this.current): never {
    return this.fail(`unexpected '${described(token)}'`, token.line)
  }

  /** What `parse` gives, one level deeper. */
  nested<A>(parse: () => A): A {
    if (++this.#depth > MAX_DEPTH) this.fail("too deeply nested")
    const result = parse()
    this.#depth--
    return result
  }
}
