import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { errorsDocument } from "../scripts/docs.js"
import { EngineCrashed, ModelNotFound } from "../src/domain/Errors.js"
import { errorMessage, errorRow, errorRows, INTERNAL } from "../src/domain/ErrorTable.js"

describe("the error table", () => {
  it("is what docs/errors.md says; 'npm run docs' writes it again", () => {
    assert.strictEqual(readFileSync(new URL("../docs/errors.md", import.meta.url), "utf8"), errorsDocument())
  })

  it("gives every failure a status, an exit code and a next step", () => {
    for (const [tag, row] of errorRows) {
      assert.isAtLeast(row.status, 400, tag)
      assert.include([1, 2], row.exit, tag)
      assert.match(row.hint, /\.$/, tag)
    }
  })

  it("never shows the text of what it does not know", () => {
    const bug = new Error("secret inner state")
    assert.strictEqual(errorRow(bug), INTERNAL)
    assert.notInclude(errorMessage(bug), "secret")
  })

  it("names the thing and the cause", () => {
    assert.include(errorMessage(new ModelNotFound({ query: "nope" })), "'nope'")
    const crashed = new EngineCrashed({ model: "org/x", exitCode: null, signal: "SIGKILL", stderr: "" })
    assert.include(errorMessage(crashed), "SIGKILL")
  })
})
