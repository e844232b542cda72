import { assert, describe, it } from "@effect/vitest"
import { cardHints, saysMlx } from "../../src/checkpoint/ModelCard.js"

const card = (...lines: ReadonlyArray<string>) =>
  ["---", ...lines, "---", "", "# Title", "library_name: mlx"].join("\n")

describe("cardHints", () => {
  it.each([
    ["a block list", card("tags:", "  - text", "- 'mlx'"), ["text", "mlx"], null],
    ["an inline list", card("tags: [\"a\", MLX, , 'c']"), ["a", "MLX", "c"], null],
    ["several lists", card("tags: [a]", "license: x", "tags:", "- b"), ["a", "b"], null],
    ["a list with a blank line", card("tags:", "- a", "", "- b"), ["a", "b"], null],
    ["a list ended by another key", card("tags:", "- a", "license: mit", "- b"), ["a"], null],
    ["a list ended by the library", card("tags:", "- a", "library_name: x", "- b"), ["a"], "x"],
    ["a value where a list should be", card("tags: mlx"), [], null],
    ["a list over several lines", card("tags: [", "mlx,", "]"), [], null],
    ["an inline list up to its last bracket", card("tags: [a], mlx]"), ["a]", "mlx"], null],
    ["a key in any case with quotes", card('Library_Name: "MLX"'), [], "MLX"],
    ["a comment", card("# library_name: mlx"), [], null],
    ["an indented key", card("model-index:", "  tags:", "    - deep"), ["deep"], null],
    ["an empty block", card(), [], null]
  ])("reads %s", (_, text, tags, library) => {
    assert.deepStrictEqual(cardHints(text), { tags, library })
  })

  it("ends at the end of the file when no fence closes the block", () => {
    assert.strictEqual(cardHints("---\nlibrary_name: mlx\n# text").library, "mlx")
  })

  it("reads Windows and old Mac line ends", () => {
    assert.deepStrictEqual(cardHints("---\r\ntags:\r\n- a\r\n---\r\n").tags, ["a"])
    assert.deepStrictEqual(cardHints("---\rtags:\r- a\r---\r").tags, ["a"])
  })

  it.each(["\u000b", "\f", "\u0085", "\u2028", "\u2029"])("takes %j for a line end, as Python does", (end) => {
    assert.strictEqual(cardHints(card(`license: mit${end}library_name: mlx`)).library, "mlx")
  })

  it.each([
    ["no card", ""],
    ["a blank first line", "\n---\nlibrary_name: mlx\n---\n"],
    ["a byte-order mark", "\uFEFF---\nlibrary_name: mlx\n---\n"],
    ["no front matter", "# Title\nlibrary_name: mlx\n"]
  ])("finds nothing in %s", (_, text) => {
    assert.deepStrictEqual(cardHints(text), { tags: [], library: null })
  })

  it("takes linear time on runs of quotes and blanks", () => {
    const run = `"${"'".repeat(200_000)}x${" ".repeat(200_000)}y`
    assert.isTrue((cardHints(card(`library_name: ${run}`)).library ?? "").startsWith("x"))
  })
})

describe("saysMlx", () => {
  it.each([
    [{ tags: ["MLX"], library: null }, true],
    [{ tags: [], library: "mlx" }, true],
    [{ tags: ["mlx-lm", "not-mlx"], library: "mlx-lm" }, false]
  ])("of %j is %s", (hints, expected) => {
    assert.strictEqual(saysMlx(hints), expected)
  })
})
