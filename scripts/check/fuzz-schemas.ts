/**
 * Prints what random JSON schemas break, if anything: each ends within a second in a grammar or a ConstraintUnsupported, and of
 * some the grammars are compiled and answers are written, which must be valid:
 *
 *     npx tsx scripts/check/fuzz-schemas.ts [RUNS] [SEED] [ANSWERED]
 */
import { fuzzSchemas } from "./schemas.js"

const [runs = "100000", seed = "1", answered = "300"] = process.argv.slice(2)
const counts = { passed: 0, failed: 0 }
for await (const { name, problem } of fuzzSchemas({
  runs: Number(runs),
  seed: Number(seed),
  answered: Number(answered)
})) {
  if (problem !== null) console.log(`FAIL ${name}: ${problem}`)
  counts[problem === null ? "passed" : "failed"]++
}
console.log(`${counts.passed} passed, ${counts.failed} failed`)
process.exit(counts.failed === 0 ? 0 : 1)
