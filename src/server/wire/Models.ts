/** The model list as OpenAI's clients read it (spec 02 §2.5, spec 03 §14). Pure. */
import { Schema } from "effect"
import type { ServedModel } from "../../operations/ServedModels.js"

export const ModelEntry = Schema.Struct({
  id: Schema.String,
  object: Schema.Literal("model"),
  /** Seconds since 1970. */
  created: Schema.Int,
  owned_by: Schema.String,
  permission: Schema.Tuple(),
  context_length: Schema.Int,
  /** The name vLLM's clients know. */
  max_model_len: Schema.Int
})
export type ModelEntry = typeof ModelEntry.Type

export const ModelList = Schema.Struct({ object: Schema.Literal("list"), data: Schema.Array(ModelEntry) })
export type ModelList = typeof ModelList.Type

export const modelEntry = ({ contextLength, lastModified, name }: ServedModel): ModelEntry => ({
  id: name,
  object: "model",
  created: Math.floor(lastModified / 1000),
  owned_by: "mlx-knife",
  permission: [],
  context_length: contextLength,
  max_model_len: contextLength
})

/** The preloaded model first: clients take the first entry as the default. The others keep their order. */
export const modelList = (models: ReadonlyArray<ServedModel>, preloaded: string | null): ModelList => ({
  object: "list",
  data: [...models.filter(({ name }) => name === preloaded), ...models.filter(({ name }) => name !== preloaded)].map(
    modelEntry
  )
})
