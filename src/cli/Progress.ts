/** What a pull shows while it runs: a bar on a terminal, a line now and then elsewhere, NDJSON when asked for. On stderr. */
import { Clock, Effect, Ref, Schema } from "effect"
import { EVENTS_VERSION, PullEvent } from "../domain/Pull.js"
import { jsonLine, visible } from "../domain/Text.js"
import { Settings } from "../services/Settings.js"
import { Output } from "./Output.js"
import { Stdio } from "./Stdio.js"
import { progressLine, progressLines } from "./views/Pull.js"

/** Between two lines of a log. */
const LINE_EVERY_MS = 10_000

const encode = Schema.encodeSync(PullEvent)

const snakeCase = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Keys as in every other JSON of this program. */
const snakeKeys = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(snakeKeys)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snakeCase(key), snakeKeys(inner)]))
}

/** One line of `--events` (docs/events.md). */
export const eventLine = (event: PullEvent): string => {
  const { _tag, ...fields } = encode(event)
  return jsonLine({ version: EVENTS_VERSION, event: snakeCase(_tag).slice(1), ...Object(snakeKeys(fields)) })
}

/** What is said in words, wherever the progress goes. */
const remark = (event: PullEvent): string | null => {
  switch (event._tag) {
    case "Warning":
      return `Warning: ${event.message}`
    case "Waiting":
      return `Another process (${event.pid} on ${event.host}) pulls ${event.model}; waiting for it`
    case "Retrying":
      return `${event.path}: ${event.problem}; trying again in ${(event.delayMs / 1000).toFixed(1)} s`
    default:
      return null
  }
}

const UP_AND_CLEAR = "\u001b[1A\u001b[2K"

export interface ProgressView {
  readonly show: (event: PullEvent) => Effect.Effect<void>
  /** Takes the bar away, so that the next line stands alone. */
  readonly clear: Effect.Effect<void>
}

/** In JSON mode only a terminal gets to see anything, unless events were asked for. */
export const makeProgress = (events: boolean): Effect.Effect<ProgressView, never, Output | Settings | Stdio> =>
  Effect.gen(function* () {
    const output = yield* Output
    const stdio = yield* Stdio
    const { progressBarsDisabled } = yield* Settings
    const lines = yield* Ref.make(0)
    const lastLine = yield* Ref.make(yield* Clock.currentTimeMillis)
    const columns = () => (progressBarsDisabled ? null : stdio.errColumns())

    const erased = Effect.map(Ref.getAndSet(lines, 0), (count) => UP_AND_CLEAR.repeat(count))
    const clear = Effect.flatMap(erased, (text) => (text === "" ? Effect.void : stdio.err(text)))

    const draw = (event: Extract<PullEvent, { readonly _tag: "Progress" }>, width: number) =>
      Effect.gen(function* () {
        const gone = yield* erased
        const drawn = progressLines(event, width)
        yield* Ref.set(lines, drawn.length)
        yield* stdio.err(gone + drawn.map((line) => `${line}\n`).join(""))
      })

    const log = (event: Extract<PullEvent, { readonly _tag: "Progress" }>) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        if (now - (yield* Ref.get(lastLine)) < LINE_EVERY_MS) return
        yield* Ref.set(lastLine, now)
        yield* stdio.err(`${progressLine(event)}\n`)
      })

    const show = (event: PullEvent): Effect.Effect<void> => {
      if (events) return stdio.err(`${eventLine(event)}\n`)
      const width = columns()
      if (output.json && width === null) return Effect.void
      if (event._tag === "Progress") return width === null ? log(event) : draw(event, width)
      const text = remark(event)
      return text === null ? Effect.void : Effect.zipRight(clear, stdio.err(`${visible(text)}\n`))
    }
    return { show, clear }
  })
