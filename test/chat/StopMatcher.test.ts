/** Stop strings against golden/detok/stops.json, and the promises of spec 02 §6.5. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { FastCheck, Schema } from "effect"
import { makeStopMatcher } from "../../src/chat/StopMatcher.js"
import { CHAT_STOPS } from "../../src/domain/Generation.js"

const Golden = Schema.parseJson(
  Schema.Struct({
    cases: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        stops: Schema.Array(Schema.String),
        segments: Schema.Array(Schema.String),
        emitted: Schema.Array(Schema.String),
        tail: Schema.String,
        text: Schema.String,
        matched: Schema.NullOr(Schema.String)
      })
    )
  })
)
const { cases } = Schema.decodeUnknownSync(Golden)(
  readFileSync(new URL("../golden/detok/stops.json", import.meta.url), "utf8")
)

const run = (stops: ReadonlyArray<string>, segments: ReadonlyArray<string>) => {
  const matcher = makeStopMatcher(stops)
  const emitted = segments.map(matcher.push)
  return { emitted, tail: matcher.finish(), stopped: matcher.stopped() }
}

describe("stop strings", () => {
  for (const { emitted, matched, name, segments, stops, tail, text } of cases) {
    it(name, () => {
      const result = run(stops, segments)
      assert.deepStrictEqual(result, { emitted: [...emitted], tail, stopped: matched !== null })
      assert.strictEqual(result.emitted.join("") + result.tail, text)
    })
  }

  it("cuts at a chat turn marker with the chat stops and not without (RUN-04)", () => {
    const segments = ["Response\nHu", "man: and so on"]
    assert.strictEqual(run(CHAT_STOPS, segments).emitted.join(""), "Response")
    const free = run([], segments)
    assert.strictEqual(free.emitted.join("") + free.tail, "Response\nHuman: and so on")
  })

  it("gives the same text wherever the deltas are cut", () => {
    const letters = FastCheck.string({ unit: FastCheck.constantFrom("a", "b", "c"), maxLength: 12 })
    FastCheck.assert(
      FastCheck.property(FastCheck.array(letters, { maxLength: 4 }), FastCheck.array(letters), (stops, segments) => {
        const cut = run(stops, segments)
        const whole = run(stops, [segments.join("")])
        assert.strictEqual(cut.emitted.join("") + cut.tail, whole.emitted.join("") + whole.tail)
        assert.strictEqual(cut.stopped, whole.stopped)
      })
    )
  })
})
