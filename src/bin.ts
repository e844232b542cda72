#!/usr/bin/env node
/** The command: `--version` is answered at once, everything else loads the program. */
import { programName, quickAnswer } from "./cli/Version.js"

const argv = process.argv.slice(2)
const program = programName(process.argv[1])
const answer = quickAnswer(argv, program)

if (answer === null) {
  const [{ start }, { layer }] = await Promise.all([import("./cli/Start.js"), import("./Live.js")])
  start(argv, { live: layer, program })
} else {
  process.stdout.write(answer)
}
