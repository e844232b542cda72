import { assert, describe, it } from "@effect/vitest"
import { ignored } from "../../src/domain/Ignore.js"

/** A pattern, paths that it leaves out, and paths that it keeps. */
const TABLE: ReadonlyArray<readonly [pattern: string, out: ReadonlyArray<string>, kept: ReadonlyArray<string>]> = [
  ["*.log", ["a.log", "deep/er/a.log", "dir.log/inside"], ["a.log.txt", "log"]],
  ["/only", ["only", "only/below"], ["deep/only"]],
  ["a/b", ["a/b", "a/b/c"], ["x/a/b"]],
  ["dir/", ["dir/x", "deep/dir/x"], ["dir", "deep/dir"]],
  ["a/**", ["a/x", "a/x/y"], ["a", "b/a/x"]],
  ["**/a", ["a", "x/a", "x/y/a/z"], ["xa"]],
  ["a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb"]],
  ["a*c", ["abc", "ac", "x/abbc"], ["a/c", "abcd"]],
  ["?.txt", ["a.txt", "ä.txt"], ["ab.txt", ".txt"]],
  ["[a-c]1", ["a1", "x/c1"], ["d1", "A1"]],
  ["[!a-c]1", ["d1"], ["a1"]],
  ["[^a]", ["b"], ["a"]],
  ["[]]", ["]"], ["["]],
  ["\\*", ["*"], ["a"]],
  ["!odd", ["!odd"], ["odd"]],
  ["a b", ["a b"], ["a"]],
  ["/", [], ["a", "a/b"]],
  ["x\\", [], ["x", "x\\"]],
  ["[a", [], ["[a", "a"]],
  ["[z-a]", [], ["z", "a"]],
  ["../up", [], ["up", "x/up"]],
  ["x".repeat(100_000), [], ["x"]]
]

describe(".hfignore", () => {
  for (const [pattern, out, kept] of TABLE) {
    it(`${JSON.stringify(pattern.slice(0, 20))} means what git means`, () => {
      const leftOut = ignored(pattern)
      for (const path of out) assert.isTrue(leftOut(path), path)
      for (const path of kept) assert.isFalse(leftOut(path), path)
    })
  }

  it("leaves clutter out at every depth, the root too", () => {
    const leftOut = ignored(null)
    const out = [".git/x", "a/.git/x", ".venv/a/b", "venv/x", "a.pyc", "x/__pycache__/y", ".DS_Store", ".hfignore"]
    for (const path of out) assert.isTrue(leftOut(path), path)
    for (const path of [".git", "git/x", "a.pyc.txt", "venv", ".gitattributes"]) assert.isFalse(leftOut(path), path)
  })

  it("takes no more time for patterns that are made to take it", () => {
    const paths = [`${"a/".repeat(400)}b`, `${"a".repeat(250)}/${"a".repeat(250)}`]
    // By trying one choice after the other these take longer than the universe is old.
    const hostile = [
      "/**/a".repeat(50).concat("/c"),
      `${"**/".repeat(200)}c`,
      `${"*a".repeat(100)}*c`,
      `${"**/*a*/".repeat(60)}c`
    ]
    for (const pattern of hostile) for (const path of paths) assert.isFalse(ignored(`${pattern}\n`)(`${path}x`))
  })
})
