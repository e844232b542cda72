/** Python with the Hub's own library, where there is one: `MLXK_TEST_PYTHON`, else `python3`. */
import { spawn, spawnSync } from "node:child_process"

const python = process.env["MLXK_TEST_PYTHON"] ?? "python3"

/** True when Python has `huggingface_hub`; says so once when it hasn't. */
export const hasHubLibrary: boolean = (() => {
  const found = spawnSync(python, ["-c", "import huggingface_hub"], { stdio: "ignore" }).status === 0
  if (!found) console.warn("tests against huggingface_hub are skipped: set MLXK_TEST_PYTHON to a Python that has it")
  return found
})()

export interface PythonRun {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs a program to its end, or until `until` says so of what it printed; then it is killed. */
export const runPython = (
  program: string,
  env: Readonly<Record<string, string>>,
  until: (out: string) => boolean = () => false
): Promise<PythonRun> =>
  new Promise((resolve) => {
    const child = spawn(python, ["-u", "-c", program], {
      env: { PATH: process.env["PATH"], HF_HUB_DISABLE_XET: "1", HF_HUB_DISABLE_TELEMETRY: "1", ...env }
    })
    let out = ""
    let err = ""
    child.stdout.on("data", (data: Buffer) => {
      out += String(data)
      if (until(out)) child.kill("SIGKILL")
    })
    child.stderr.on("data", (data: Buffer) => {
      err += String(data)
    })
    child.on("close", (code) => resolve({ code, out, err }))
  })
