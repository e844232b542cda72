/** `health` for people: the summary, then one line per model (spec 01 §6.1). Pure. */
import type { HealthData } from "../../domain/ModelObject.js"
import { visible } from "../../domain/Text.js"

export const healthText = ({ healthy, summary, unhealthy }: HealthData): string => {
  const lines = [
    `Summary: total ${summary.total}, healthy ${summary.healthy_count}, unhealthy ${summary.unhealthy_count}`,
    ...[...healthy, ...unhealthy].map(
      ({ name, reason, status }) => `${status.padEnd("unhealthy".length)} ${visible(name)} — ${visible(reason)}`
    )
  ]
  return lines.map((line) => `${line}\n`).join("")
}
