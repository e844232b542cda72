/**
 * Start-up of the built command against bare `node -e 0`, alternating in one run: medians, ratios and the machine's load.
 * `node scripts/bench/startup.mjs [--runs N]`; the last line is JSON.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { cpus, loadavg, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { installDemo } from "../demo/install.mjs"

const command = join(dirname(fileURLToPath(import.meta.url)), "../../dist/mlxk.cjs")
const asked = process.argv.indexOf("--runs")
const runs = asked < 0 ? 31 : Number(process.argv[asked + 1])
const home = mkdtempSync(join(tmpdir(), "mlxk-bench-"))
await installDemo(join(home, "hub"))

const cases = {
  "node -e 0": ["-e", "0"],
  "mlxk --version": [command, "--version"],
  "mlxk list --json": [command, "list", "--json"],
  "mlxk --help": [command, "--help"]
}
const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]))

for (let round = 0; round < runs; round++) {
  for (const [name, args] of Object.entries(cases)) {
    const start = process.hrtime.bigint()
    const { status } = spawnSync(process.execPath, args, {
      stdio: "ignore",
      env: { ...process.env, HF_HUB_CACHE: join(home, "hub") }
    })
    if (status !== 0) throw new Error(`${name} ended with ${status}`)
    times[name].push(Number(process.hrtime.bigint() - start) / 1e6)
  }
}
rmSync(home, { recursive: true, force: true })

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]
const medians = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]))
const bare = medians["node -e 0"]
for (const [name, value] of Object.entries(medians)) {
  console.log(`${name.padEnd(18)} ${value.toFixed(1).padStart(7)} ms  ${(value / bare).toFixed(2)}x`)
}
const ratios = Object.fromEntries(
  Object.entries(medians).map(([name, value]) => [name, Number((value / bare).toFixed(3))])
)
console.log(JSON.stringify({ runs, cores: cpus().length, load1: loadavg()[0], node: process.version, ratios }))
