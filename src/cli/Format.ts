/** How times, texts and tables are written for people (spec 01 §4.4). Pure. */
import { visible } from "../domain/Text.js"
import { cutToColumns, pad, textColumns } from "./Columns.js"

/** A model's answer on a terminal: line breaks and tabs stay, other control characters go. */
export const terminalText = (text: string): string => text.replace(/[^\P{Cc}\n\t]/gu, "")

/** Python's round(): a half goes to the even neighbour. */
const roundHalfEven = (value: number): number => {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

/**
 * From whole seconds on, each step rounds what the step before already rounded: 90 minutes are 2 hours. `now` in milliseconds
 * since 1970.
 */
export const relativeTime = (timestamp: string, now: number): string => {
  const then = Date.parse(timestamp)
  if (Number.isNaN(then)) return visible(timestamp)
  const seconds = Math.trunc((now - then) / 1000)
  const minutes = roundHalfEven(seconds / 60)
  const hours = roundHalfEven(minutes / 60)
  const days = roundHalfEven(hours / 24)
  if (seconds < 45) return "just now"
  if (seconds < 90) return "1m ago"
  if (minutes < 45) return `${minutes}m ago`
  if (minutes < 90) return "1h ago"
  if (hours < 24) return `${hours}h ago`
  if (hours < 36) return "1d ago"
  return days < 30 ? `${days}d ago` : timestamp.slice(0, 10)
}

/** Words in lines of at most `limit`; a longer word has its own line. */
export const wrap = (words: ReadonlyArray<string>, limit: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > limit) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

/** At most `limit` characters, the last three of them dots when something is missing. */
export const cut = (text: string, limit: number): string => {
  const characters = [...text]
  return characters.length <= limit ? text : `${characters.slice(0, limit - 3).join("")}...`
}

/** A narrower first column tells nothing any more. */
const MIN_NAME_WIDTH = 12

/**
 * Left-aligned columns under a rule; every row has as many cells as the header. When it is wider than the terminal, the first
 * column, which holds the names, is cut; `columns` null means that the width doesn't matter.
 */
export const table = (
  header: ReadonlyArray<string>,
  given: ReadonlyArray<ReadonlyArray<string>>,
  columns: number | null = null
): string => {
  const widest = header.map((title, column) =>
    given.reduce((most, row) => Math.max(most, textColumns(row[column] ?? "")), textColumns(title))
  )
  const [first = 0, ...others] = widest
  const left = (columns ?? Number.POSITIVE_INFINITY) - others.reduce((sum, count) => sum + count + " | ".length, 0)
  const limit = Math.min(first, Math.max(MIN_NAME_WIDTH, left))
  const widths = [limit, ...others]
  const rows = given.map(([name = "", ...cells]) => [cutToColumns(name, limit), ...cells])
  const line = (cells: ReadonlyArray<string>) => cells.map((cell, column) => pad(cell, widths[column] ?? 0)).join(" | ")
  const rule = widths.map((count) => "-".repeat(count)).join("-+-")
  return [line(header), rule, ...rows.map(line)].map((text) => `${text}\n`).join("")
}

/** Names for programs: exact and ended by NUL, or for people one visible name per line. */
export const namesText = (names: ReadonlyArray<string>, nul: boolean): string =>
  names.map((name) => (nul ? `${name}\0` : `${visible(name)}\n`)).join("")
