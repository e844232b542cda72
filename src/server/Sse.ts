/** Server-sent events as OpenAI's clients expect them: data lines only, `[DONE]` last (spec 02 §2.9, spec 03 §1). */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Duration, Schedule, Stream } from "effect"

const HEARTBEAT = Duration.seconds(15)

const encoder = new TextEncoder()
const bytes = (text: string): Uint8Array => encoder.encode(text)

/** One event. JSON text has no raw newline, so one data line is enough. */
const frame = (value: unknown): Uint8Array => bytes(`data: ${JSON.stringify(value)}\n\n`)

const DONE = bytes("data: [DONE]\n\n")
/** A comment. Not `: ping`: a common client takes that for the end of the stream. */
export const KEEPALIVE = bytes(": keepalive\n\n")

const heartbeats = Stream.fromSchedule(Schedule.spaced(HEARTBEAT)).pipe(Stream.as(KEEPALIVE))

/** Sends each value as it comes. The values must not fail: an error is a value too, the status line is already sent. */
export const sse = (values: Stream.Stream<unknown>): HttpServerResponse.HttpServerResponse => {
  const body = Stream.concat(Stream.map(values, frame), Stream.make(DONE))
  return HttpServerResponse.stream(Stream.merge(body, heartbeats, { haltStrategy: "left" }), {
    contentType: "text/event-stream; charset=utf-8",
    headers: { "cache-control": "no-cache, no-transform", "x-accel-buffering": "no" }
  })
}
