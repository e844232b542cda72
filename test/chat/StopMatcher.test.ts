/** The promises of spec 02 §6.5; Detokenizer.test.ts runs the reference cases. */
import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { makeStopMatcher } from "../../src/chat/StopMatcher.js"
import { CHAT_STOPS } from "../../src/domain/Generation.js"

const run = (stops: ReadonlyArray<string>, segments: ReadonlyArray<string>) => {
  const matcher = makeStopMatcher(stops)
  const emitted = segments.map(matcher.push)
  return { emitted, tail: matcher.finish(), stopped: matcher.stopped() }
}

describe("stop strings", () => {
  it("names the one that ended the text, of several that end together the longest", () => {
    const matcher = makeStopMatcher(["c", "abc", "bcd"])
    assert.strictEqual(matcher.push("xab"), "x")
    assert.strictEqual(matcher.push("cd"), "")
    assert.strictEqual(matcher.matched(), "abc")
  })

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
