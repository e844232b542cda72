/** Every recorded case of list, show, health, rm, version, help, names and argument errors (test/golden/cache, cache-more). */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { run } from "../support/Program.js"

const NAMES: ReadonlyArray<string> = ["cache", "cache-more"].flatMap((folder) => {
  const { cases } = JSON.parse(readFileSync(join(import.meta.dirname, "../golden", folder, "expected.json"), "utf8"))
  return cases.map(({ name }: { readonly name: string }) => name)
})

const LOCATION = "spec 01 §0.1(2): HF_HUB_CACHE and XDG_CACHE_HOME count, as for the Hub's own libraries"

/** Where a decision of the specification wins over what the original did. The reason, and what then differs. */
const DECIDED: Readonly<Record<string, readonly [reason: string, difference: RegExp]>> = {
  "nohub/env-hub-cache": [LOCATION, /direct\/cache/],
  "nohub/env-hub-cache-only": [LOCATION, /direct\/cache/],
  "nohub/env-legacy-hub-cache": [LOCATION, /direct\/cache/],
  "nohub/env-xdg": [LOCATION, /0 elements|missing/],
  "classify/list-all-verbose-health": [
    "spec 01 §0.1(10): a checkpoint that brings code of its own is not runnable",
    /mlx-community\/model-file-code/
  ],
  "snapshots/rm-pinned-one-of-two-force": ["one revision is deleted, not the whole model", /remain but expected gone/]
}

const directory = mkdtempSync(join(tmpdir(), "mlxk-recorded-"))
let differences: Readonly<Record<string, ReadonlyArray<string>>> = {}

/** Permissions don't hold for root, who gives up the privilege to override them. */
const UNPRIVILEGED =
  process.getuid?.() === 0
    ? ["setpriv", "--inh-caps=-dac_override,-dac_read_search", "--bounding-set=-dac_override,-dac_read_search", "--"]
    : []

const runAll = async (which: "rest" | "unprivileged") => {
  const output = join(directory, which)
  const script = join(import.meta.dirname, "../support/recordedCases.ts")
  const wrapper = which === "unprivileged" ? UNPRIVILEGED : []
  const [command = "", ...args] = [...wrapper, process.execPath, "--import", "tsx", script, output, which]
  const { code, stderr } = await run(command, args)
  assert.strictEqual(code, 0, stderr)
  return JSON.parse(readFileSync(output, "utf8"))
}

beforeAll(async () => {
  const [rest, unprivileged] = await Promise.all([runAll("rest"), runAll("unprivileged")])
  differences = { ...rest, ...unprivileged }
}, 300_000)
afterAll(() => rmSync(directory, { recursive: true }))

describe("the recorded cases", () => {
  it("all ran", () => assert.deepStrictEqual(Object.keys(differences).sort(), [...NAMES].sort()))

  it.each(NAMES.filter((name) => !Object.hasOwn(DECIDED, name)))("%s", (name) =>
    assert.deepStrictEqual(differences[name], [])
  )

  it.each(Object.keys(DECIDED))("%s, where a decision wins", (name) => {
    const [reason, difference] = DECIDED[name] ?? ["", /never/]
    assert.match((differences[name] ?? []).join("\n"), difference, reason)
  })
})
