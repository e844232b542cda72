/** Carries out a plan and kills itself before a step: `node interruptedDeletion <hub> <plan as JSON> <step>`. */
import { stepsOf, take } from "../../src/cache/Execute.js"
import type { PlanItem } from "../../src/domain/Reclaim.js"

const [, , hub = "", plan = "[]", limit = ""] = process.argv
const items: ReadonlyArray<PlanItem> = JSON.parse(plan)

let taken = 0
for (const item of items) {
  for (const step of stepsOf(hub, item)) {
    if (taken++ === Number(limit)) process.kill(process.pid, "SIGKILL")
    take(step)
  }
}
