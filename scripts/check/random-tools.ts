/** Tools with random schemas of their parameters. */
import type { ConstrainedTool } from "../../src/domain/Constraint.js"
import type { Random } from "./Random.js"

type Schema = Readonly<Record<string, unknown>>

const TEXTS = [
  "",
  "a",
  "Köln",
  "null",
  "None",
  "x<y",
  "</b>",
  "1",
  "true",
  " padded ",
  "line\nbreak",
  '"quoted"',
  "[1]",
  "{a:1}",
  "a, b: c"
]
const NAMES = ["city", "days", "a_b", "x1", "ünits", "B"] as const

const textSchema = (random: Random): Schema =>
  random.pick([
    () => ({ type: "string" }),
    () => ({ type: "string" }),
    () => ({ type: "string", enum: [random.pick(["a", ...TEXTS]), "Oslo", "b c"] }),
    () => ({ type: "string", minLength: random.below(3), maxLength: 3 + random.below(4) }),
    () => ({
      type: "string",
      pattern: random.pick(["^[a-z]+$", "\\d\\s?$", "^\\s*n\\w{3}\\s*$", "^[^a]{1,4}$", "x|^$"])
    }),
    () => ({ type: "string", format: random.pick(["date", "uuid", "email"]) }),
    () => ({ const: random.pick(["fixed", "x y"]) })
  ])()

const scalarSchema = (random: Random): Schema =>
  random.pick([
    () => ({ type: "integer" }),
    () => ({ type: "integer", minimum: -3, maximum: 120 }),
    () => ({ type: "number" }),
    () => ({ type: "number", exclusiveMinimum: 0, maximum: 2.5 }),
    () => ({ type: "boolean" }),
    () => ({ type: "null" }),
    () => ({ enum: [1, 2.5, true] }),
    () => ({ type: ["integer", "null"] })
  ])()

const schemaOf = (random: Random, depth: number): unknown => {
  const inner = () => schemaOf(random, depth - 1)
  const flat = (): Schema => random.pick([textSchema, scalarSchema])(random)
  if (depth <= 0) return flat()
  return random.pick<() => unknown>([
    flat,
    flat,
    flat,
    () => ({ anyOf: [textSchema(random), { type: "null" }] }),
    () => ({ type: ["string", "null"] }),
    () => ({ anyOf: [scalarSchema(random), { type: "null" }] }),
    () => ({ anyOf: [flat(), inner()] }),
    () => ({ type: "array", items: inner(), minItems: random.below(2), maxItems: 2 }),
    () => ({ type: "array", items: { type: "string" }, maxItems: 2 }),
    () => objectSchema(random, depth - 1),
    () => ({ $ref: "#/$defs/shared" }),
    () => ({ type: "object", additionalProperties: { type: "integer" }, maxProperties: 2 }),
    () => ({}),
    () => true
  ])()
}

const objectSchema = (random: Random, depth: number): Schema => {
  const names = NAMES.filter(() => random.chance(0.4))
  return {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, schemaOf(random, depth)])),
    required: names.filter(() => random.chance(0.6)),
    ...(random.chance(0.5) ? { additionalProperties: false } : {})
  }
}

export const toolOf = (random: Random, name: string): ConstrainedTool => {
  if (random.chance(0.15)) return { name, strict: false }
  const $defs = { shared: random.pick([textSchema, scalarSchema, (random: Random) => objectSchema(random, 0)])(random) }
  return { name, strict: random.chance(0.1), parameters: { ...objectSchema(random, 2), $defs } }
}
