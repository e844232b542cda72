import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { selected } from "../../src/domain/Patterns.js"

const matches = (pattern: string, path: string): boolean =>
  selected([{ path }], { include: [pattern], exclude: [] }).length === 1

/** The rules themselves, one choice after the other: slow, and plainly right. */
const slow = (pattern: string, path: string): boolean => {
  if (pattern === "") return path === ""
  const [first = "", ...rest] = [...pattern]
  const [letter, ...others] = [...path]
  const tail = rest.join("")
  if (first === "*") return slow(tail, path) || (letter !== undefined && slow(pattern, others.join("")))
  return letter !== undefined && (first === "?" || first === letter) && slow(tail, others.join(""))
}

describe("patterns", () => {
  it("are read as Python's fnmatch reads them", () => {
    const yes: ReadonlyArray<readonly [string, string]> = [
      ["*.json", "config.json"],
      ["*.json", "deep/config.json"],
      ["*", ""],
      ["a*", "a"],
      ["*a*a*", "aa"],
      ["?.txt", "ä.txt"],
      ["?.txt", "😀.txt"],
      ["[a-c]x[!a-c]", "bxd"],
      ["a[]b", "a[]b"],
      ["a.b+(c)", "a.b+(c)"],
      ["onnx/", "onnx/model.onnx"],
      ["**/x", "a/x"],
      ["line\nbreak*", "line\nbreaks"]
    ]
    const no: ReadonlyArray<readonly [string, string]> = [
      ["*.json", "config.json.bak"],
      ["a*", "ba"],
      ["*a*a*", "a"],
      ["ab*ba", "aba"],
      ["[!a]", "a"],
      ["a.b", "axb"],
      ["onnx/", "onnx"],
      ["Config.json", "config.json"]
    ]
    for (const [pattern, path] of yes) assert.isTrue(matches(pattern, path), `${pattern} ${path}`)
    for (const [pattern, path] of no) assert.isFalse(matches(pattern, path), `${pattern} ${path}`)
  })

  it("mean what the rules say, whatever the letters", () => {
    const text = (letters: string) => FastCheck.string({ unit: FastCheck.constantFrom(...letters), maxLength: 9 })
    FastCheck.assert(
      FastCheck.property(text("ab*?"), text("ab"), (pattern, path) => matches(pattern, path) === slow(pattern, path)),
      { numRuns: 3000 }
    )
  })

  it("take no more time for names that are made to take it", () => {
    // One wrong choice at a time would take longer than the universe is old.
    assert.isFalse(matches(`${"*a".repeat(200)}*c`, `${"a".repeat(1000)}cb`))
  })
})
