/** What a machine without the engine's libraries is told. The commands that look for them are stand-ins. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { run } from "../support/Program.js"

const SCRIPT = join(import.meta.dirname, "../../scripts/native-libs.mjs")
let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mlxk-libraries-"))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs the script where the loader knows these libraries and nothing can be installed. */
const look = async (known: string) => {
  writeFileSync(join(folder, "ldconfig"), `#!/bin/sh\nprintf '${known}'\n`, { mode: 0o755 })
  writeFileSync(join(folder, "apt-get"), "#!/bin/sh\nexit 100\n", { mode: 0o755 })
  const PATH = [folder, process.env["PATH"]].join(delimiter)
  return run(process.execPath, [SCRIPT], { env: { PATH, LD_LIBRARY_PATH: "" } })
}

describe.runIf(process.platform === "linux")("the engine's libraries", () => {
  it("are not spoken of when they are there", async () => {
    const { code, stderr, stdout } = await look("\\tlibopenblas.so.0 (x) => a\\n\\tliblapack.so.3 (x) => b\\n")
    assert.deepStrictEqual({ code, stderr, stdout }, { code: 0, stderr: "", stdout: "" })
  })

  it("are named when they are missing, with what to do and what will not work", async () => {
    const { code, stdout } = await look("\\tlibopenblas.so.0 (x) => a\\n")
    assert.strictEqual(code, 1)
    assert.match(stdout, /cannot find liblapack\.so\.3\./)
    assert.match(stdout, /apt-get install -y liblapack3\n/)
    assert.match(stdout, /running and serving models fails .*tests .*skipped; list, show and health work\.\n$/)
  })
})
