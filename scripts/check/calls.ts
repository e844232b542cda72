/**
 * `npx tsx scripts/check/calls.ts [RUNS] [COUNT] [SEED]`: for each format RUNS sets of random tools, and COUNT answers of each from a
 * model without sense that must call them. What ends by itself must be read as valid calls.
 */
import { checkToolGrammars, FORMAT_NAMES } from "./toolcall-grammars.js"

const [runs = 200, count = 8, seed = 1] = process.argv.slice(2).map(Number)
let [passed, failed] = [0, 0]
for (const format of FORMAT_NAMES) {
  let [finished, refused] = [0, 0]
  for await (const verdict of checkToolGrammars({ format, runs, count, seed })) {
    finished += verdict.finished
    if (verdict.refused !== null) refused++
    if (verdict.problem === null) passed++
    else {
      failed++
      console.log(`FAIL ${verdict.name}: ${verdict.problem}`)
    }
  }
  console.log(`${format}: ${finished} answers, ${refused} of ${runs} sets of tools refused`)
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)
