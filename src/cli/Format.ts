/** How times, texts and tables are written for people (spec 01 §4.4). Pure. */
import { visible } from "../domain/Text.js"
import { clipped, cutToColumns, textColumns } from "./Columns.js"

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

const characters = (text: string): number => [...text].length

const SEPARATOR = " | "

const widthOf = (columns: ReadonlyArray<number>): number =>
  columns.reduce((sum, width) => sum + width, SEPARATOR.length * (columns.length - 1))

/** How many columns after the first must go for the others to fit beside it. The last ones tell most, so they stay. */
const columnsToDrop = ([first = 0, ...others]: ReadonlyArray<number>, room: number): number => {
  const fitting = others.findIndex((_, at) => widthOf([Math.min(first, MIN_NAME_WIDTH), ...others.slice(at)]) <= room)
  return fitting < 0 ? others.length - 1 : fitting
}

/**
 * Left-aligned columns under a rule; every row has as many cells as the header. `columns` is the width of the terminal: a table
 * that is wider loses columns after the first one, then the first one, which holds the names, is cut, and at last lines end at
 * the edge. Null means that there is no terminal: nothing is left out, and characters count as they do in the original.
 */
export const table = (
  header: ReadonlyArray<string>,
  given: ReadonlyArray<ReadonlyArray<string>>,
  columns: number | null = null
): string => {
  const measure = columns === null ? characters : textColumns
  const room = columns ?? Number.POSITIVE_INFINITY
  const widest = header.map((title, column) =>
    given.reduce((most, row) => Math.max(most, measure(row[column] ?? "")), measure(title))
  )
  const dropped = columnsToDrop(widest, room)
  const [first = 0, ...others] = widest.toSpliced(1, dropped)
  const limit = Math.min(first, Math.max(MIN_NAME_WIDTH, room - widthOf([0, ...others])))
  const pad = (cell: string, width: number) => cell + " ".repeat(Math.max(0, width - measure(cell)))
  const line = (row: ReadonlyArray<string>) => {
    const [name = "", ...cells] = row.toSpliced(1, dropped)
    const shown = columns === null ? name : cutToColumns(name, limit)
    return [pad(shown, limit), ...cells.map((cell, at) => pad(cell, others[at] ?? 0))].join(SEPARATOR)
  }
  const rule = [limit, ...others].map((count) => "-".repeat(count)).join("-+-")
  const lines = [line(header), rule, ...given.map(line)]
  return lines.map((text) => `${columns === null ? text : clipped(text, columns)}\n`).join("")
}

/** Names for programs: exact and ended by NUL, or for people one visible name per line. */
export const namesText = (names: ReadonlyArray<string>, nul: boolean): string =>
  names.map((name) => (nul ? `${name}\0` : `${visible(name)}\n`)).join("")
