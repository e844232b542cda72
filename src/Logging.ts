/**
 * The logger as a layer: plain or JSON lines on stderr, redacted, with the request id of the fiber, repeated errors limited
 * (spec 02 §9). Code logs with `Effect.log*`; nothing else writes logs.
 */
import { Cause, HashMap, Layer, Logger, LogLevel, Option } from "effect"
import { redactData, redactText } from "./domain/Redact.js"
import { jsonLine, visible } from "./domain/Text.js"

export interface LoggingOptions {
  readonly json: boolean
  readonly level: LogLevel.LogLevel
  /** Home directory, shown as `~`. */
  readonly home: string
  /** Receives one finished line, without the newline. */
  readonly write: (line: string) => void
  /** Milliseconds since 1970; a parameter so that tests own the clock. */
  readonly now?: () => number
}

/** The level names of `--log-level` (spec 02 R1.2), in any case. */
export const parseLogLevel = (text: string): Option.Option<LogLevel.LogLevel> => {
  const levels = new Map<string, LogLevel.LogLevel>([
    ["debug", LogLevel.Debug],
    ["info", LogLevel.Info],
    ["warn", LogLevel.Warning],
    ["warning", LogLevel.Warning],
    ["error", LogLevel.Error]
  ])
  return Option.fromNullable(levels.get(text.toLowerCase()))
}

const REPEAT_WINDOW_MS = 5_000
const MAX_TRACKED_ERRORS = 1_000

interface Repeat {
  readonly since: number
  suppressed: number
}

/**
 * Lets one line per key and window through. Answers null to drop the line, else how many were dropped since the last one.
 * The table is bounded: the oldest key is forgotten first.
 */
const repeatLimiter = (now: () => number) => {
  const seen = new Map<string, Repeat>()
  return (key: string): number | null => {
    const last = seen.get(key)
    const time = now()
    if (last !== undefined && time - last.since < REPEAT_WINDOW_MS) {
      last.suppressed += 1
      return null
    }
    seen.delete(key)
    const oldest = seen.keys().next()
    if (seen.size >= MAX_TRACKED_ERRORS && oldest.done === false) seen.delete(oldest.value)
    seen.set(key, { since: time, suppressed: 0 })
    return last?.suppressed ?? 0
  }
}

const levelName = (level: LogLevel.LogLevel): string =>
  level._tag === "Warning"
    ? "WARN"
    : level._tag === "Fatal"
      ? "ERROR"
      : level._tag === "Trace"
        ? "DEBUG"
        : level._tag.toUpperCase()

const text = (message: unknown): string => (Array.isArray(message) ? message : [message]).map(plain).join(" ")

const plain = (part: unknown): string => (typeof part === "string" ? part : (JSON.stringify(part) ?? String(part)))

const causeText = (cause: Cause.Cause<unknown>): string => Cause.pretty(cause).replace(/\s*\n\s*/g, " | ")

/**
 * A logger of finished lines. An error line tells its cause, because nothing else does; below that causes are written at debug
 * level only, where their stacks help. What comes from outside never begins a line of its own.
 */
export const makeLogger = (options: LoggingOptions): Logger.Logger<unknown, void> => {
  const now = options.now ?? Date.now
  const limit = repeatLimiter(now)
  return Logger.make(({ annotations, cause, logLevel, message }) => {
    const level = levelName(logLevel)
    const msg = redactText(text(message), options.home)
    const extra: Record<string, unknown> = Object.fromEntries(HashMap.toEntries(annotations))
    const { logger = "mlxk", error_key = msg, ...fields } = extra
    if (level === "ERROR") {
      const suppressed = limit(String(error_key))
      if (suppressed === null) return
      if (suppressed > 0) fields["suppressed_count"] = suppressed
    }
    const telling = level === "ERROR" || LogLevel.lessThanEqual(options.level, LogLevel.Debug)
    if (telling && !Cause.isEmpty(cause)) fields["cause"] = causeText(cause)
    const safe = redactData(fields, options.home) as Record<string, unknown>
    if (options.json) {
      return options.write(jsonLine({ ts: now() / 1000, level, logger, msg, ...safe }))
    }
    const details = Object.entries(safe).map(([key, value]) => ` ${key}=${plain(value)}`)
    options.write(visible(`[${level}] ${msg}${details.join("")}`))
  })
}

/** Replaces Effect's default logger. */
export const layer = (options: LoggingOptions): Layer.Layer<never> =>
  Layer.merge(Logger.replace(Logger.defaultLogger, makeLogger(options)), Logger.minimumLogLevel(options.level))
