/** The arguments of a call in formats that write each by itself, not as one JSON object. Pure. */
import type { JsonObject } from "../../domain/JsonFile.js"
import { type Parameters, type ValueStyle, valueGrammar } from "./CallValues.js"
import { type Expression, literal, sequence } from "./Grammar.js"
import { checkKeywords, WHOLE } from "./Keywords.js"
import { inOrder, namesOf, objectOf, type Property } from "./ObjectGrammar.js"
import { behind } from "./References.js"
import { Refusal } from "./Refusal.js"
import { inside, type Place } from "./SchemaContext.js"

export interface ArgumentStyle extends ValueStyle {
  /** Names of parameters that can be read back. */
  readonly names: RegExp
  /** Before a value, and behind it. */
  readonly before: (name: string) => Expression
  readonly after: Expression
  readonly separator: string
}

const ROOT: Place = { path: "#", depth: 0, references: [] }

const refuse = (keyword: string, problem: string) => new Refusal(keyword, "#", problem)

/** Only what is sure to hold for the parameters that are written. */
const check = (schema: JsonObject, required: ReadonlyArray<string>, strict: boolean): void => {
  checkKeywords(schema, "#")
  const { additionalProperties, maxProperties, minProperties } = schema
  const names = Object.keys(objectOf(schema, "properties", "#"))
  const other = [...WHOLE, "const", "enum"].find((keyword) => keyword in schema)
  if (other !== undefined) throw refuse(other, "it isn't supported for the parameters of this model's calls")
  if (required.some((name) => !names.includes(name))) {
    throw refuse("required", "it names a parameter that isn't in 'properties'")
  }
  if (strict && additionalProperties !== undefined && additionalProperties !== false) {
    throw refuse("additionalProperties", "it must be false in strict mode")
  }
  if (minProperties !== undefined && !(typeof minProperties === "number" && minProperties <= required.length)) {
    throw refuse("minProperties", "it isn't supported beyond the required properties")
  }
  if (maxProperties !== undefined && !(typeof maxProperties === "number" && maxProperties >= names.length)) {
    throw refuse("maxProperties", "it isn't supported beside 'properties'")
  }
}

/** The parameters that the schema lists, in its order; throws a Refusal where that can't be kept. */
export const argumentsGrammar = (parameters: Parameters, style: ArgumentStyle): Expression => {
  const { root, rules, strict } = parameters
  const schema = behind(root, root)
  const required = strict ? Object.keys(objectOf(schema, "properties", "#")) : namesOf(schema, "#")
  check(schema, required, strict)
  const pairs = Object.entries(objectOf(schema, "properties", "#")).flatMap(
    ([name, property]): ReadonlyArray<Property> => {
      const place = inside(ROOT, "properties", name)
      if (!style.names.test(name))
        throw new Refusal("properties", place.path, "the model can't write this name in a call")
      const value = valueGrammar(property, place, parameters, style)
      if (value === null && required.includes(name)) throw new Refusal("properties", place.path, "no value fits it")
      if (value === null) return []
      const pair = rules.rule(sequence(style.before(name), value, style.after))
      return [{ pair, required: required.includes(name) }]
    }
  )
  return inOrder(pairs, literal(style.separator), rules)
}
