/** JSON data to Python's values. */
import type { Literal } from "../toolcalls/Literal.js"
import { int, intOf } from "./Numbers.js"
import type { Str } from "./Text.js"
import { Dict, Float, type Value } from "./Values.js"

type MakeText = (s: string) => Str

/** JSON that was read without changing its numbers and the order of its names: 1.0 is a float, and integers have any length. */
export class ExactJson {
  constructor(readonly literal: Literal) {}
}

const ATOMS: Readonly<Record<string, Value>> = {
  true: true,
  false: false,
  null: null,
  NaN: new Float(Number.NaN),
  Infinity: new Float(Number.POSITIVE_INFINITY),
  "-Infinity": new Float(Number.NEGATIVE_INFINITY)
}

const atomOf = (json: string): Value => {
  const known = ATOMS[json]
  if (known !== undefined) return known
  return /[.eE]/.test(json) ? new Float(Number(json)) : int(BigInt(json))
}

const fromLiteral = (literal: Literal, text: MakeText, key: MakeText): Value => {
  switch (literal.kind) {
    case "string":
      return text(literal.text)
    case "atom":
      return atomOf(literal.json)
    case "array":
      return literal.items.map((item) => fromLiteral(item, text, key))
    case "object":
      return Dict.of(
        Array.from(literal.entries, ([name, value]) => [key(name), fromLiteral(value, text, key)] as const)
      )
  }
}

/** `text` makes the strings, `key` the keys. Anything that isn't JSON becomes None. */
export const fromJson = (data: unknown, text: MakeText, key: MakeText): Value => {
  if (typeof data === "string") return text(data)
  if (typeof data === "boolean") return data
  if (typeof data === "number") return Number.isSafeInteger(data) ? intOf(data) : new Float(data)
  if (typeof data !== "object" || data === null) return null
  if (data instanceof ExactJson) return fromLiteral(data.literal, text, key)
  if (Array.isArray(data)) return data.map((item) => fromJson(item, text, key))
  return Dict.of(Object.entries(data).map(([name, value]) => [key(name), fromJson(value, text, key)] as const))
}
