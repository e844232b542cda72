/** What an answer must look like, in the request's words. Everything else of the request is left as it is. */
import { Schema } from "effect"

/** A function that must be called. `parameters` is a JSON Schema; without one there are no arguments. */
export const ConstrainedTool = Schema.Struct({
  name: Schema.String.pipe(Schema.pattern(/^[A-Za-z0-9_-]{1,64}$/)),
  parameters: Schema.optionalWith(Schema.Unknown, { exact: true }),
  strict: Schema.Boolean
})
export type ConstrainedTool = typeof ConstrainedTool.Type

export const Constraint = Schema.Union(
  /** Any JSON object. */
  Schema.TaggedStruct("JsonObject", {}),
  /** JSON that the schema allows; `strict` as OpenAI means it: every property is written and no other. */
  Schema.TaggedStruct("JsonSchema", { schema: Schema.Unknown, strict: Schema.Boolean }),
  /** Text that the regular expression matches from its first character to its last. */
  Schema.TaggedStruct("Regex", { pattern: Schema.String }),
  /** One of the texts. */
  Schema.TaggedStruct("Choice", { choices: Schema.Array(Schema.String) }),
  /** Calls of these functions and nothing else, written as the model writes calls; one call unless `parallel`. */
  Schema.TaggedStruct("ToolCalls", { tools: Schema.Array(ConstrainedTool), parallel: Schema.Boolean })
)
export type Constraint = typeof Constraint.Type
