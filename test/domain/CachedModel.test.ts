/** The order of names: by code point, whatever the text is made of. */
import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import { byCodePoint } from "../../src/domain/CachedModel.js"

const codePoints = (text: string) => [...text].map((char) => char.codePointAt(0) ?? 0)

/** The order of two lists of numbers, the shorter first when it begins the longer. */
const expected = (left: ReadonlyArray<number>, right: ReadonlyArray<number>): number => {
  const at = left.findIndex((value, index) => value !== right[index])
  if (at < 0) return left.length === right.length ? 0 : -1
  const other = right[at]
  return other === undefined ? 1 : Math.sign((left[at] ?? 0) - other)
}

describe("byCodePoint", () => {
  it("puts characters beyond the first plane last, where UTF-16 units do not", () => {
    expect(["\u{1f600}", "\uff5e", "z", "", "za"].sort(byCodePoint)).toEqual(["", "z", "za", "\uff5e", "\u{1f600}"])
  })

  it("is the order of the code points for any two texts", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "/", "\uff5e", "\u{1f600}", "\u{10ffff}"), maxLength: 4 })
    fc.assert(
      fc.property(text, text, (left, right) => {
        expect(Math.sign(byCodePoint(left, right))).toBe(expected(codePoints(left), codePoints(right)))
      })
    )
  })
})
