/** The live Health. A description already holds all that the rules look at, so no check reads the disk again. */
import { Effect, Layer } from "effect"
import { detect, torchWeights } from "../checkpoint/Detect.js"
import { cardHints } from "../checkpoint/ModelCard.js"
import { healthReport, runtimeProblem } from "../checkpoint/Runtime.js"
import { type JsonFile, objectOf } from "../domain/JsonFile.js"
import { jsonFile } from "../domain/JsonText.js"
import { Health, type RemoteModel } from "../services/Health.js"

const foresee = ({ card, config, files, name }: RemoteModel): string | null => {
  const read: JsonFile = config === null ? { _tag: "Missing" } : jsonFile(config)
  const paths = files.map(({ path }) => path)
  const { framework } = detect({
    name,
    paths,
    config: objectOf(read),
    card: cardHints(new TextDecoder().decode(card ?? new Uint8Array())),
    hasChatTemplate: false,
    hasTorchWeights: () => torchWeights(paths)
  })
  return runtimeProblem({ framework, files, config: read })
}

export const layer: Layer.Layer<Health> = Layer.succeed(Health, {
  check: (model) => Effect.sync(() => healthReport(model)),
  runtimeProblem: (model) => Effect.sync(() => runtimeProblem(model)),
  foresee: (repo) => Effect.sync(() => foresee(repo))
})
