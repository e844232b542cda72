import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { modelsDocument } from "../../scripts/models.js"
import { aliases, architectures } from "../../src/inference/registry.js"

const document = modelsDocument()
const rowOf = (type: string) => document.split("\n").find((line) => line.startsWith(`| \`${type}\` |`)) ?? ""

describe("docs/models.md", () => {
  it("is what the registry and the reference cases say; 'npm run docs' writes it again", () => {
    assert.strictEqual(readFileSync(new URL("../../docs/models.md", import.meta.url), "utf8"), document)
  })

  it("gives every architecture a kind and a reference case", () => {
    for (const type of architectures)
      assert.match(rowOf(type), /^\| `[^`]+` \| [a-z][a-z, ]+ \| \S+.* \| \S+.* \|$/, type)
  })

  it("says of other names what they stand for", () => {
    for (const [alias, type] of Object.entries(aliases)) assert.include(rowOf(alias), `as \`${type}\``)
  })
})
