/**
 * Prints where constraints by regular expressions differ from JavaScript's matching, if anywhere:
 *
 *     npx tsx scripts/check/fuzz-patterns.ts [RUNS] [SEED]
 */
import { checkPatterns } from "./patterns.js"

const [runs = "10000", seed = "1"] = process.argv.slice(2)
const counts = { passed: 0, failed: 0 }
for await (const { name, problem } of checkPatterns({ runs: Number(runs), seed: Number(seed) })) {
  if (problem !== null) console.log(`FAIL ${name}: ${problem}`)
  counts[problem === null ? "passed" : "failed"]++
}
console.log(`${counts.passed} passed, ${counts.failed} failed`)
process.exit(counts.failed === 0 ? 0 : 1)
