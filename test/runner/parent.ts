/** A program that runs a model until somebody ends it: `node parent <entry> <directory>`. */
import { pathToFileURL } from "node:url"
import { Effect, Layer, Stream } from "effect"
import { layerWith } from "../../src/runner/Supervisor.js"
import { Runner } from "../../src/services/Runner.js"
import { CONTEXT_LENGTH, greedy, noLeases } from "./support.js"

const [, , entry = "", directory = ""] = process.argv

Effect.runFork(
  Effect.flatMap(Runner, ({ generate }) =>
    Stream.runDrain(generate({ name: "org/fake", directory }, greedy("hi", { maxTokens: CONTEXT_LENGTH })))
  ).pipe(Effect.provide(Layer.provide(layerWith({ entry: pathToFileURL(entry), execArgv: [] }), noLeases)))
)
