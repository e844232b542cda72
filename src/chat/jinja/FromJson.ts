/** JSON data to Python's values. */
import { intOf } from "./Numbers.js"
import type { Str } from "./Text.js"
import { Dict, Float, type Value } from "./Values.js"

/** `text` makes the strings, keys excepted. Anything that isn't JSON becomes None. */
export const fromJson = (data: unknown, text: (s: string) => Str): Value => {
  if (typeof data === "string") return text(data)
  if (typeof data === "boolean") return data
  if (typeof data === "number") return Number.isSafeInteger(data) ? intOf(data) : new Float(data)
  if (typeof data !== "object" || data === null) return null
  if (Array.isArray(data)) return data.map((item) => fromJson(item, text))
  return Dict.of(Object.entries(data).map(([key, value]) => [key, fromJson(value, text)] as const))
}
