import { gzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { MAX_BODY_BYTES } from "../../src/server/Body.js"
import { ErrorEnvelope } from "../../src/server/wire/Envelope.js"
import { get, json, startServer, text } from "../support/Server.js"

const chat = JSON.stringify({ model: "org/tiny", messages: [{ role: "user", content: "hi" }] })

const posted = (url: string, encoding: string, body: Uint8Array) =>
  get(`${url}/v1/chat/completions`, { method: "POST", headers: { "content-encoding": encoding }, body })

describe("a compressed body", () => {
  it.scopedLive("is unpacked", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer()
      for (const encoding of ["gzip", "GZIP", "x-gzip"]) {
        const response = yield* posted(url, encoding, gzipSync(chat))
        assert.strictEqual(response.status, 200)
        assert.include(yield* text(response), '"content":"Hello"')
      }
      assert.strictEqual((yield* posted(url, "Identity", Buffer.from(chat))).status, 200)
    })
  )

  it.scopedLive("may be as large as any other, and no larger", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer()
      const padded = (size: number) => gzipSync(Buffer.alloc(size, " ").fill(chat, 0, chat.length))
      assert.strictEqual((yield* posted(url, "gzip", padded(MAX_BODY_BYTES))).status, 200)
      const bomb = yield* posted(url, "gzip", padded(MAX_BODY_BYTES + 1))
      assert.strictEqual(bomb.status, 413)
      const { error } = yield* Schema.decodeUnknown(ErrorEnvelope)(yield* json(bomb))
      assert.strictEqual(error.code, "request_too_large")
    })
  )

  it.scopedLive("is refused when broken, or packed another way", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer()
      const packed = gzipSync(chat)
      const cases = [
        ["gzip", Buffer.from(chat), "the body is not valid gzip"],
        ["gzip", packed.subarray(0, -9), "the body is not valid gzip"],
        ["gzip", new Uint8Array(), "the body is not valid gzip"],
        ["br", packed, "Content-Encoding must be gzip or identity"],
        ["gzip, gzip", gzipSync(packed), "Content-Encoding must be gzip or identity"],
        ["constructor", packed, "Content-Encoding must be gzip or identity"]
      ] as const
      for (const [encoding, body, problem] of cases) {
        const response = yield* posted(url, encoding, body)
        assert.strictEqual(response.status, 400)
        assert.strictEqual((yield* Schema.decodeUnknown(ErrorEnvelope)(yield* json(response))).error.message, problem)
      }
    })
  )
})
