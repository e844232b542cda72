import { assert, describe, it } from "@effect/vitest"
import { type Resolution, resolve } from "../../src/cache/Resolve.js"
import { directoryName, ModelRef, repoName } from "../../src/domain/ModelRef.js"

const snapshots: Readonly<Record<string, ReadonlyArray<string>>> = {
  "acme/Phi-3": ["abc3f6dc00000000000000000000000000000000"],
  "acme/pinned": ["cafe1766000000000000000000000000000000aa", "cafe261c000000000000000000000000000000bb"],
  "acme/branches": ["main", "main2"],
  "at/sign@name": ["dddd000000000000000000000000000000000000"],
  "mlx-community/Phi-3": ["fee1bd0a00000000000000000000000000000000"],
  "mlx-community/Phi-3-mini-4bit": ["abc12a7200000000000000000000000000000000"],
  "dash/a/b": ["dada000000000000000000000000000000000000"],
  "mlx-community/twin": ["2222000000000000000000000000000000000000"],
  "o/m": ["51209d5000000000000000000000000000000000"],
  twin: ["1111000000000000000000000000000000000000"],
  "ünï/modèl-日本": ["b2c181df00000000000000000000000000000000"],
  "": ["0000000000000000000000000000000000000000"]
}

const find = (text: string): Resolution =>
  resolve(ModelRef.parse(text), {
    names: Object.keys(snapshots),
    snapshotsOf: (name) => snapshots[repoName(directoryName(name))] ?? []
  })

const found = (name: string, snapshot: string | null = null): Resolution => ({ _tag: "Found", name, snapshot })
const ambiguous = (...matches: ReadonlyArray<string>): Resolution => ({ _tag: "Ambiguous", matches })
const nothing: Resolution = { _tag: "NotFound" }

describe("resolve", () => {
  it.each([
    ["an exact name", "acme/Phi-3", found("acme/Phi-3")],
    ["a short name", "Phi-3", found("mlx-community/Phi-3")],
    ["a short name in the wrong case", "phi-3-MINI", found("mlx-community/Phi-3-mini-4bit")],
    ["a part across the slash", "acme/pin", found("acme/pinned")],
    [
      "an organisation",
      "mlx-community",
      ambiguous("mlx-community/Phi-3", "mlx-community/Phi-3-mini-4bit", "mlx-community/twin")
    ],
    [
      "a part of several, sorted",
      "PHI",
      ambiguous("acme/Phi-3", "mlx-community/Phi-3", "mlx-community/Phi-3-mini-4bit")
    ],
    ["unicode in any case", "MODÈL", found("ünï/modèl-日本")],
    ["a directory", "models--o--m", found("o/m")],
    ["a directory with a hash", "models--o--m@512", found("o/m", "51209d5000000000000000000000000000000000")],
    ["a directory rather than a short name", "models--twin", found("twin")],
    ["the beginning of a directory", "models--acme", nothing],
    ["a name with two dashes, as it is on the Hub", "dash/a--b", found("dash/a--b")],
    ["the same with a hash", "dash/a--b@dad", found("dash/a--b", "dada000000000000000000000000000000000000")],
    ["the same as it is listed", "dash/a/b", found("dash/a/b")],
    ["a trailing @", "acme/Phi-3@", found("acme/Phi-3")],
    ["a glob", "Phi-*", nothing],
    ["a double slash", "acme//Phi-3", nothing],
    ["a leading slash", "/acme", nothing]
  ])("finds %s", (_, text, expected) => {
    assert.deepStrictEqual(find(text), expected)
  })

  it.each([
    ["a prefix of an exact name", "acme/Phi-3@abc", found("acme/Phi-3", "abc3f6dc00000000000000000000000000000000")],
    [
      "a prefix that only one has",
      "Phi@abc1",
      found("mlx-community/Phi-3-mini-4bit", "abc12a7200000000000000000000000000000000")
    ],
    [
      "a prefix that several have",
      "Phi@abc",
      ambiguous("acme/Phi-3@abc3f6dc", "mlx-community/Phi-3-mini-4bit@abc12a72")
    ],
    ["a prefix of two snapshots", "pinned@cafe", ambiguous("acme/pinned@cafe1766", "acme/pinned@cafe261c")],
    ["a snapshot's whole name", "branches@main", found("acme/branches", "main")],
    ["no name at all", "@fee1", found("mlx-community/Phi-3", "fee1bd0a00000000000000000000000000000000")],
    [
      "two hashes: the last one counts",
      "acme/pinned@x@cafe1",
      found("acme/pinned", "cafe1766000000000000000000000000000000aa")
    ],
    ["an @ in the model's name", "at/sign@name@dd", found("at/sign@name", "dddd000000000000000000000000000000000000")],
    ["a hash in the wrong case", "Phi@ABC1", nothing],
    ["a branch's name", "acme/Phi-3@main", nothing],
    ["a hash of another model", "o/m@fee1", nothing]
  ])("takes %s", (_, text, expected) => {
    assert.deepStrictEqual(find(text), expected)
  })

  it.each(["", " ", "\t\n", "@", "@@", " @", "models--", "a\nb", "acme\\Phi", "<x>", "x/".repeat(2000)])(
    "matches nothing for %j",
    (text) => {
      assert.deepStrictEqual(find(text), nothing)
    }
  )

  it("doesn't take a blank name for the only model", () => {
    const only = { names: ["acme/only"], snapshotsOf: () => [] }
    assert.deepStrictEqual(resolve(ModelRef.parse(" "), only), nothing)
    assert.deepStrictEqual(resolve(ModelRef.parse("only"), only), found("acme/only"))
  })
})
