#!/usr/bin/env node
/** The command: `--version` is answered at once, everything else loads the program. */
import { join } from "node:path"
import { runCompiled } from "./CompileCache.js"
import { programName, quickAnswer } from "./cli/Version.js"

/** Put in by the build; absent when the sources run directly. */
declare const MLXK_BUILD: string

/** Commands that need much of the program that the others don't. */
const PARTS = ["clone", "pull", "push", "run", "serve"]

const [command = ""] = process.argv.slice(2)
const answer = quickAnswer(process.argv.slice(2), programName(process.argv[1]))

if (answer !== null) {
  // Without a listener a reader that left, or a full disk, would end in a stack trace.
  process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") return
    console.error(`Error: Cannot write the result (${code})`)
    process.exitCode = 1
  })
  process.stdout.write(answer)
} else if (typeof MLXK_BUILD === "string")
  runCompiled(join(__dirname, "main.cjs"), MLXK_BUILD, PARTS.includes(command) ? command : "other")
else void import("./main.js")
