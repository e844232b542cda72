/** Runs every test and ends with one line, `N passed, N failed`, with `, N skipped` after it when something was skipped. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const directory = mkdtempSync(join(tmpdir(), "mlxk-results-"))
const file = join(directory, "results.json")
const { status } = spawnSync(
  process.execPath,
  [
    "node_modules/vitest/vitest.mjs",
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
    ...process.argv.slice(2)
  ],
  { stdio: ["ignore", "inherit", "inherit"] }
)
process.exitCode = status === 0 ? 0 : 1
try {
  const results = JSON.parse(readFileSync(file, "utf8"))
  const { numPassedTests: passed, numPendingTests: skipped } = results
  // A file that breaks before its first test has no failed test of its own, yet it failed.
  const broken = results.testResults.filter((suite) => suite.status === "failed" && suite.assertionResults.length === 0)
  // An error outside of every test (a rejection nobody handles) is in vitest's exit status only.
  const failed = Math.max(results.numFailedTests + broken.length, status === 0 ? 0 : 1)
  if (failed > 0 || passed === 0) process.exitCode = 1
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
} catch {
  console.log("0 passed, 1 failed")
  process.exitCode = 1
}
rmSync(directory, { recursive: true, force: true })
