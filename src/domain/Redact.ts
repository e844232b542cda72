/** Takes secrets and the home directory out of every text that leaves the process through logs or error bodies (spec 02 §9.4). Pure. */

const SECRETS: ReadonlyArray<readonly [pattern: RegExp, replacement: string]> = [
  [/hf_[a-z0-9]{30,}/gi, "[REDACTED_TOKEN]"],
  [/\b(bearer|basic)\s+[\w.~+/=-]+/gi, "$1 [REDACTED_TOKEN]"],
  [/\bsk-[\w-]{16,}/g, "[REDACTED_TOKEN]"],
  [/\b(api[_-]?key|access[_-]?token|token|signature|x-amz-[a-z-]+)=[^\s&"']+/gi, "$1=[REDACTED_TOKEN]"],
  // Up to the last `@` before the path: a password may have one of its own.
  [/\b(https?:\/\/)[^\s/?#]+@/gi, "$1"]
]

/** A name goes on with a letter, a digit, `_` or `-`, or with a dot before one: `/home/al` is not in `/home/alice`. */
const NAME_ENDS = String.raw`(?![\p{L}\p{N}_-]|\.[\p{L}\p{N}_-])`

const homePattern = (home: string): RegExp =>
  new RegExp(home.replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`) + NAME_ENDS, "gu")

/** `home` is the user's home directory without a trailing slash; it becomes `~` where it is a whole path or the start of one. */
export const redactText = (text: string, home: string): string => {
  const clean = SECRETS.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text)
  return home.length > 1 ? clean.replace(homePattern(home), "~") : clean
}

/** Redacts every string inside plain data, keys included. Depth is bounded: deeper values become `…`. */
export const redactData = (value: unknown, home: string, depth = 6): unknown => {
  if (typeof value === "string") return redactText(value, home)
  if (typeof value !== "object" || value === null) return value
  if (depth === 0) return "…"
  if (Array.isArray(value)) return value.map((item) => redactData(item, home, depth - 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [redactText(key, home), redactData(item, home, depth - 1)])
  )
}

/** An address without user name, password and query, and without a slash at its end; empty when it is none. */
export const publicAddress = (text: string): string => {
  if (!URL.canParse(text)) return ""
  const { host, pathname, protocol } = new URL(text)
  return `${protocol}//${host}${pathname}`.replace(/\/+$/, "")
}
