/** JSON data to Python's values. */
import { intOf } from "./Numbers.js"
import type { Str } from "./Text.js"
import { Dict, Float, type Value } from "./Values.js"

type MakeText = (s: string) => Str

/** `text` makes the strings, `key` the keys. Anything that isn't JSON becomes None. */
export const fromJson = (data: unknown, text: MakeText, key: MakeText): Value => {
  if (typeof data === "string") return text(data)
  if (typeof data === "boolean") return data
  if (typeof data === "number") return Number.isSafeInteger(data) ? intOf(data) : new Float(data)
  if (typeof data !== "object" || data === null) return null
  if (Array.isArray(data)) return data.map((item) => fromJson(item, text, key))
  return Dict.of(Object.entries(data).map(([name, value]) => [key(name), fromJson(value, text, key)] as const))
}
