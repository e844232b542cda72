import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Stream, TestClock } from "effect"
import { sse } from "../../src/server/Sse.js"

const bodyOf = (values: Stream.Stream<unknown>): Stream.Stream<string> => {
  const { body } = sse(values)
  if (body._tag !== "Stream") assert.fail("should be a stream")
  return Stream.orDie(Stream.decodeText(body.stream))
}

describe("sse", () => {
  it.effect("keeps a line on raw newlines out of the data", () =>
    Effect.gen(function* () {
      const body = yield* Stream.mkString(bodyOf(Stream.make({ text: "a\n\nb\r" })))
      assert.strictEqual(body, 'data: {"text":"a\\n\\nb\\r"}\n\ndata: [DONE]\n\n')
    })
  )

  it.effect("sends a comment every 15 seconds of silence, and none before the first event", () =>
    Effect.gen(function* () {
      const reading = yield* bodyOf(Stream.concat(Stream.make(1), Stream.never)).pipe(
        Stream.take(3),
        Stream.runCollect,
        Effect.fork
      )
      yield* TestClock.adjust("30 seconds")
      const seen = Chunk.toReadonlyArray(yield* Fiber.join(reading))
      assert.deepStrictEqual(seen, ["data: 1\n\n", ": keepalive\n\n", ": keepalive\n\n"])
    })
  )
})
