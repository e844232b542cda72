/** The command line as a process, over a model in memory that answers a prompt with its own words once all input is there. */
import { Effect, Layer, Stream } from "effect"
import { start } from "../../src/cli/Start.js"
import type { GenerateEvent, GenerateInput } from "../../src/domain/Generation.js"
import { Maintenance } from "../../src/services/Maintenance.js"
import { Remote } from "../../src/services/Remote.js"
import { Runner } from "../../src/services/Runner.js"
import { layerHealthMemory, layerMemoryCache, layerSettings, memoryModel } from "../../src/testing.js"

const wordsOf = (input: GenerateInput): string =>
  "text" in input ? input.text : String(input.messages.at(-1)?.content)

const inputEnded = Effect.async<void>((resume) => {
  if (process.stdin.readableEnded) resume(Effect.void)
  else process.stdin.once("end", () => resume(Effect.void))
})

const answerTo = (input: GenerateInput): ReadonlyArray<GenerateEvent> => [
  { _tag: "Started", promptTokens: 1, contextLength: 4096 },
  { _tag: "Delta", text: `echo ${wordsOf(input)}` },
  { _tag: "Finished", finishReason: "stop", usage: { promptTokens: 1, completionTokens: 1, reasoningTokens: 0 } }
]

start(process.argv.slice(2), {
  live: Layer.mergeAll(
    layerMemoryCache([memoryModel("org/echo")]),
    layerHealthMemory(),
    layerSettings(),
    Layer.mock(Maintenance, {}),
    Layer.succeed(Remote, Layer.die("no Hub in this test")),
    Layer.succeed(Runner, {
      load: () => Effect.void,
      generate: (_, { input }) => Stream.unwrap(Effect.as(inputEnded, Stream.fromIterable(answerTo(input))))
    })
  ),
  program: "mlxk"
})
