import { assert, describe, it } from "@effect/vitest"
import { cut, relativeTime, table, terminalText, wrap } from "../../src/cli/Format.js"
import { visible } from "../../src/domain/Text.js"

describe("relative times", () => {
  const now = Date.parse("2025-06-15T12:00:00Z")
  const ago = (seconds: number) => relativeTime(new Date(now - seconds * 1000).toISOString(), now)
  const minute = 60
  const hour = 3600
  const day = 86_400
  it.each([
    [-day, "just now"],
    [44, "just now"],
    [45, "1m ago"],
    [89, "1m ago"],
    [90, "2m ago"],
    [150, "2m ago"],
    [150.9, "2m ago"],
    [210, "4m ago"],
    [44 * minute, "44m ago"],
    [45 * minute, "1h ago"],
    [89 * minute, "1h ago"],
    [90 * minute, "2h ago"],
    [150 * minute, "2h ago"],
    [23 * hour, "23h ago"],
    [24 * hour, "1d ago"],
    [35 * hour, "1d ago"],
    [36 * hour, "2d ago"],
    [60 * hour, "2d ago"],
    [29 * day, "29d ago"],
    [31 * day, "2025-05-15"]
  ])("%d seconds ago is %s", (seconds, text) => assert.strictEqual(ago(seconds), text))

  it("shows what it can't read", () =>
    assert.strictEqual(relativeTime("yesterday\u001b[31m", now), "yesterday\\x1b[31m"))
})

describe("text from outside", () => {
  it("can't steer the terminal", () => {
    assert.strictEqual(visible("a\u001b[2Jb\r\n\u0007\u009b"), "a\\x1b[2Jb\\x0d\\x0a\\x07\\x9b")
    assert.strictEqual(visible("evil\u202etxt.exe"), "evil\\u202etxt.exe")
    assert.strictEqual(visible("ünï/modèl-日本 🦙"), "ünï/modèl-日本 🦙")
  })

  it("keeps the lines of an answer", () => {
    assert.strictEqual(terminalText("a\tb\nc\u001b[31md\u0000\r"), "a\tb\nc[31md")
    assert.strictEqual(terminalText("日本 🦙"), "日本 🦙")
  })

  it("is cut by characters", () => {
    assert.strictEqual(cut("🦙".repeat(60), 60), "🦙".repeat(60))
    assert.strictEqual(cut("🦙".repeat(61), 60), `${"🦙".repeat(57)}...`)
  })

  it("wraps at words", () => {
    assert.deepStrictEqual(wrap("Model type frobnicator not supported.".split(" "), 26), [
      "Model type frobnicator not",
      "supported."
    ])
    assert.deepStrictEqual(wrap(["a", "incomprehensibilities", "b"], 5), ["a", "incomprehensibilities", "b"])
  })
})

describe("a table", () => {
  it("has a header and a rule without rows", () => assert.strictEqual(table(["A", "Bc"], []), "A | Bc\n--+---\n"))
  it("is as wide as its widest cells, counted in columns of the terminal", () => {
    const rows = [
      ["🦙🦙", "x"],
      ["日本", "x"],
      ["한글".normalize("NFD"), "x"],
      ["modèle".normalize("NFD"), "x"],
      ["❤️", "x"]
    ]
    assert.deepStrictEqual(table(["A", "B"], rows, 80).normalize().trimEnd().split("\n"), [
      "A      | B",
      "-------+--",
      "🦙🦙   | x",
      "日本   | x",
      "한글   | x",
      "modèle | x",
      "❤️     | x"
    ])
  })
  it("counts characters where no terminal is, as programs that cut columns do", () => {
    assert.strictEqual(table(["Name", "B"], [["🦙", "x"]]), "Name | B\n-----+--\n🦙    | x\n")
  })
  it("fits the terminal with wide names", () => {
    const lines = table(["Name", "B"], [["org/日本語の大規模言語モデル", "x"]], 24)
      .trimEnd()
      .split("\n")
    assert.strictEqual(lines[2], "org/日本語の大規...  | x")
    assert.strictEqual(lines[1]?.length, 24)
  })
  it("cuts names where the terminal is too narrow, but not to nothing", () => {
    const rows = [["org/a-very-long-name-of-a-model", "x"]]
    const lines = (width: number) => table(["Name", "B"], rows, width).trimEnd().split("\n")
    assert.deepStrictEqual(lines(40)[2], "org/a-very-long-name-of-a-model | x")
    assert.deepStrictEqual(lines(24), [
      "Name                 | B",
      "---------------------+--",
      "org/a-very-long-n... | x"
    ])
    assert.deepStrictEqual(lines(16)[2], "org/a-ver... | x")
    assert.deepStrictEqual(lines(14), ["Name         |", "-------------+", "org/a-ver... |"])
    assert.deepStrictEqual(lines(5), ["Name ", "-----", "org/a"])
  })
  it("leaves out columns after the first where the terminal is too narrow for all", () => {
    const lines = (width: number) =>
      table(["Name", "Hash", "Size", "Type"], [["org/a-very-long-name", "0123456", "1.5GB", "chat"]], width)
        .trimEnd()
        .split("\n")
    assert.strictEqual(lines(37)[2], "org/a-ver... | 0123456 | 1.5GB | chat")
    assert.strictEqual(lines(36)[2], "org/a-very-long-name | 1.5GB | chat ".trimEnd())
    assert.strictEqual(lines(20)[2], "org/a-very... | chat")
    assert.deepStrictEqual(lines(17), ["Name         | Ty", "-------------+---", "org/a-ver... | ch"])
  })
})
