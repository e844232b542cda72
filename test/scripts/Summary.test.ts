/** The closing line of `npm test`. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { run } from "../support/Program.js"

const SCRIPT = join(import.meta.dirname, "../../scripts/test.mjs")
let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mlxk-summary-"))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe("the closing line", () => {
  it.each([
    ["it('a', () => {})", 0, "1 passed, 0 failed"],
    ["it('a', () => {}); it.skip('b', () => {})", 0, "1 passed, 0 failed, 1 skipped"],
    ["it('a', () => {}); it('b', () => { throw new Error() })", 1, "1 passed, 1 failed"],
    ["it('a', () => {}); void Promise.reject(new Error('nobody cares'))", 1, "1 passed, 1 failed"],
    ["throw new Error()", 1, "0 passed, 1 failed"]
  ])("of %s", async (source, code, line) => {
    writeFileSync(join(folder, "some.test.mjs"), source)
    const ended = await run(process.execPath, [SCRIPT, "--root", folder, "--globals"])
    assert.deepStrictEqual([ended.code, ended.stdout.trimEnd().split("\n").at(-1)], [code, line])
  })
})
