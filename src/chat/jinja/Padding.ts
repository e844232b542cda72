/** Padding of texts to a width in characters. */
import { changed, isMarkup, joined, lengthOf, raw, type Str } from "./Text.js"
import type { Runtime } from "./Values.js"

export const padding = (rt: Runtime, count: number, fill: Str): Str => {
  if (count <= 0) return ""
  rt.spendChars(count * raw(fill).length)
  return changed(fill, raw(fill).repeat(count))
}

/** The text between so much padding that it has `width` characters. */
export const padded = (self: Str, width: number, fill: Str, where: "left" | "right" | "both", rt: Runtime): Str => {
  const missing = width - lengthOf(raw(self))
  if (missing <= 0) return self
  const left = where === "left" ? missing : where === "right" ? 0 : Math.floor(missing / 2) + (missing & width & 1)
  return joined([padding(rt, left, fill), self, padding(rt, missing - left, fill)], isMarkup(self))
}
