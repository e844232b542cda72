/**
 * Everything between messages and token ids, and between token ids and answers, against what the Python originals computed:
 *
 *     npm run check:chat -- DIR
 *
 * DIR holds any of `tokenizers/`, `templates/` and `detok/` in the layout of test/golden. Prints every difference.
 */
import { existsSync } from "node:fs"
import { checkDetok } from "./detok.js"
import { checkReasoning } from "./reasoning.js"
import { checkTemplates } from "./templates.js"
import { checkTokenizers } from "./tokenizers.js"
import { checkToolCalls } from "./toolcalls.js"

const CHECKS = [checkTokenizers, checkTemplates, checkDetok, checkReasoning, checkToolCalls]

/** The exit code: cases that hold, and none that doesn't. */
const main = async (directory: string): Promise<number> => {
  const counts = { passed: 0, failed: 0 }
  for (const check of CHECKS) {
    for await (const { name, problem } of check(directory)) {
      if (problem === null) counts.passed++
      else {
        counts.failed++
        console.log(`FAIL ${name}: ${problem}`)
      }
    }
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed`)
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1
}

const [directory] = process.argv.slice(2)
if (directory === undefined || !existsSync(directory)) {
  console.error("usage: check:chat DIR")
  process.exitCode = 2
} else {
  main(directory).then(
    (code) => {
      process.exitCode = code
    },
    (error: unknown) => {
      console.error(error)
      process.exitCode = 1
    }
  )
}
