/**
 * Prints what random templates break, if anything:
 *
 *     npx tsx scripts/check/fuzz-templates.ts [RUNS] [SEED]
 */
import { fuzzTemplates } from "./fuzz.js"

const [runs = "100000", seed = "1"] = process.argv.slice(2)
const counts = { passed: 0, failed: 0 }
for (const { name, problem } of fuzzTemplates({ runs: Number(runs), seed: Number(seed), timed: true })) {
  if (problem !== null) console.log(`FAIL ${name}: ${problem}`)
  counts[problem === null ? "passed" : "failed"]++
}
console.log(`${counts.passed} passed, ${counts.failed} failed`)
process.exitCode = counts.failed === 0 ? 0 : 1
