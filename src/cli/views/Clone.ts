/** `clone` for people (spec 01 §11.3). Pure. */
import type { CloneData } from "../../domain/Clone.js"
import { visible } from "../../domain/Text.js"

const verdict = ({ health, health_reason: reason }: CloneData): ReadonlyArray<string> => {
  if (health === undefined) return []
  return [health === "healthy" ? "✓ healthy" : `⚠ unhealthy: ${visible(reason ?? "")}`]
}

/** One line; `quiet` leaves out what is in parentheses. */
export const cloneText = (data: CloneData, quiet: boolean): string => {
  const arrow = `clone: ${visible(data.model)} → ${visible(data.target_dir)}`
  const notes = [...verdict(data), visible(data.message)].join(", ")
  return quiet ? `${arrow}\n` : `${arrow} (${notes})\n`
}
