/**
 * npm run check:models -- DIR [--engine NAME] [--only REGEX]
 *
 * Runs an engine on every reference case below DIR and prints a line for each; exit code 1 when one fails.
 */
import { existsSync } from "node:fs"
import { resolve } from "node:path"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { mlxEngine } from "../src/engines/mlx/MlxEngine.js"
import { referenceEngine } from "../src/engines/reference/ReferenceEngine.js"
import type { Engine } from "../src/inference/Engine.js"
import { checkCase, goldenCases, type Verdict } from "../test/support/GoldenModels.js"

const engines: Readonly<Record<string, Engine>> = { mlx: mlxEngine, reference: referenceEngine }

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { engine: { type: "string", default: "mlx" }, only: { type: "string", default: "" } }
})
const engine = engines[values.engine]
const [directory] = positionals

const run = (name: string): Effect.Effect<Verdict> =>
  engine === undefined || directory === undefined
    ? Effect.succeed({ _tag: "Skipped", reason: "nothing to run" })
    : checkCase(engine, resolve(directory, name)).pipe(
        Effect.catchAll((error) => Effect.succeed<Verdict>({ _tag: "Failed", problems: [error.message] })),
        Effect.catchAllDefect((defect) => Effect.succeed<Verdict>({ _tag: "Failed", problems: [String(defect)] }))
      )

const line = (name: string, verdict: Verdict): string => {
  switch (verdict._tag) {
    case "Passed":
      return `pass ${name} (${verdict.worst.toExponential(1)})`
    case "Failed":
      return [`FAIL ${name}`, ...verdict.problems.map((problem) => `     ${problem}`)].join("\n")
    case "Skipped":
      return `skip ${name}: ${verdict.reason}`
  }
}

const main = Effect.gen(function* () {
  const counts = { Passed: 0, Failed: 0, Skipped: 0 }
  const names = goldenCases(directory ?? "").filter((name) => new RegExp(values.only).test(name))
  for (const name of names) {
    const verdict = yield* run(name)
    counts[verdict._tag]++
    console.log(line(name, verdict))
  }
  const skipped = counts.Skipped > 0 ? `, ${counts.Skipped} skipped` : ""
  console.log(`${counts.Passed} passed, ${counts.Failed} failed${skipped}`)
  return counts.Failed === 0 && counts.Passed + counts.Skipped > 0 ? 0 : 1
})

if (engine === undefined || directory === undefined || !existsSync(directory)) {
  console.error(`usage: check-models DIR [--engine ${Object.keys(engines).join("|")}] [--only REGEX]`)
  process.exitCode = 2
} else {
  process.exitCode = await Effect.runPromise(main)
}
