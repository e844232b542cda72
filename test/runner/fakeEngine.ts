/**
 * An engine process whose engine only plays: `fake.json` in the checkpoint says what it answers. It writes its process id to
 * `pid` and one byte per step to `steps`, so that a test sees from outside what was computed.
 */
import { appendFileSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { getHeapStatistics } from "node:v8"
import { Effect, Schema } from "effect"
import { CheckpointInvalid } from "../../src/domain/Errors.js"
import type { Engine, Sequence } from "../../src/inference/Engine.js"
import { serve } from "../../src/runner/Serve.js"
import { EOS, VOCAB_SIZE } from "../support/Checkpoint.js"

const Script = Schema.parseJson(
  Schema.Struct({
    /** Tokens of the answer; after them comes EOS, or all over again when `endless`. */
    answer: Schema.Array(Schema.Int),
    endless: Schema.optionalWith(Schema.Boolean, { default: () => false }),
    /** What happens in the step that would compute the answer's end. */
    fault: Schema.optionalWith(Schema.Literal("none", "throw", "abort", "block"), { default: () => "none" as const }),
    /** Each step waits for a byte of the named pipe `gate`. */
    gated: Schema.optionalWith(Schema.Boolean, { default: () => false }),
    /** SIGTERM is only noted, in the file `terminated`. */
    stubborn: Schema.optionalWith(Schema.Boolean, { default: () => false }),
    /** The weights can't be loaded. */
    broken: Schema.optionalWith(Schema.Boolean, { default: () => false }),
    crashOnLoad: Schema.optionalWith(Schema.Boolean, { default: () => false })
  })
)

const logitsFor = (id: number): Float32Array => {
  const logits = new Float32Array(VOCAB_SIZE)
  logits[id] = 10
  return logits
}

const fail = (fault: typeof Script.Type.fault) => {
  switch (fault) {
    case "throw":
      throw new Error("kernel failed")
    case "abort":
      console.error("terminate called by the fake engine")
      process.abort()
      break
    case "block":
      for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    default:
  }
}

/** Lets a step through when the gate, a named pipe, gives it a byte; blocks as native code does until then. */
const makeGate = (directory: string): (() => void) => {
  const gate = openSync(join(directory, "gate"), "r")
  return () => void readSync(gate, new Uint8Array(1))
}

const sequence = (directory: string, { answer, endless, fault }: typeof Script.Type, pass: () => void): Sequence => {
  let length = 0
  let step = 0
  return {
    get length() {
      return length
    },
    forward: (ids) =>
      Effect.sync(() => {
        appendFileSync(join(directory, "steps"), ".")
        pass()
        length += ids.length
        const next = answer[endless ? step % answer.length : step]
        step++
        if (next === undefined) fail(fault)
        return logitsFor(next ?? EOS)
      }),
    rewind: () => false,
    bytes: 0,
    close: () => appendFileSync(join(directory, "closed"), ".")
  }
}

const engine: Engine = {
  name: "fake",
  load: ({ directory, name }) =>
    Effect.gen(function* () {
      console.log("a library writes to stdout")
      writeFileSync(join(directory, "pid"), String(process.pid))
      writeFileSync(join(directory, "heap"), String(getHeapStatistics().heap_size_limit))
      const file = join(directory, "fake.json")
      const script = Schema.decodeUnknownSync(Script)(existsSync(file) ? readFileSync(file, "utf8") : '{"answer":[]}')
      if (script.crashOnLoad) process.kill(process.pid, "SIGSEGV")
      if (script.broken) {
        return yield* new CheckpointInvalid({ model: name, file: "model.safetensors", problem: "truncated" })
      }
      if (script.stubborn) process.on("SIGTERM", () => appendFileSync(join(directory, "terminated"), "."))
      const pass = script.gated ? makeGate(directory) : () => {}
      return {
        maxPositions: null,
        prefillChunk: 512,
        vocabSize: VOCAB_SIZE,
        rewinds: false,
        cacheBytes: () => 0,
        start: () => sequence(directory, script, pass),
        memory: () => ({ activeBytes: 1, peakBytes: 2, cacheBytes: null })
      }
    })
}

serve({ check: () => Effect.void, engine: Effect.succeed(engine) })
