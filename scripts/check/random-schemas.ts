/** Random JSON schemas: such as people write, odd ones, and hostile ones. */
import type { Random } from "./Random.js"

const NAMES = [
  "a",
  "b",
  "name",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "",
  "ü😀",
  'q"uote',
  "back\\slash",
  "line\nbreak",
  "\u0000",
  "\ud800",
  "a/b~c",
  "$ref",
  "<tool_call>"
] as const

const PATTERNS = [
  "^[a-z]{1,8}$",
  "^\\d{4}-\\d{2}$",
  "a|b|c",
  "^(?:foo|ba[rz])+$",
  '[^\\s"\\\\]',
  "^.{0,40}$",
  "\\u{1F600}",
  "^\\S+@\\S+$",
  "(a*)*$",
  "^(?:(?:a|b)*a(?:a|b){12})$",
  "(",
  "[z-a]",
  "a{5,2}",
  "(?<=x)y",
  "\\p{L}",
  "^a{9999}$",
  "(?:a{100}){100}",
  "((((((((((a?){9}){9}){9}){9}){9}){9}){9}){9}){9})",
  "\\",
  "^$",
  "[]",
  "^\u0000+$"
] as const

const FORMATS = [
  "date",
  "time",
  "date-time",
  "duration",
  "email",
  "hostname",
  "ipv4",
  "ipv6",
  "uri",
  "uuid",
  "iri",
  "constructor",
  ""
] as const

const NUMBERS = [
  0,
  1,
  2,
  3,
  7,
  10,
  99,
  255,
  -1,
  -37,
  0.5,
  -1.25,
  1e-7,
  1e300,
  -1e300,
  2 ** 53,
  1e15,
  123456.654321,
  100_000,
  100_001
] as const

const COUNTS = [0, 1, 2, 3, 5, 10, 31, 200, 99_999, 1e9, -1, 0.5] as const
const SMALL_COUNTS = [0, 1, 2, 3, 5] as const

const REFERENCES = [
  "#",
  "#/$defs/a",
  "#/$defs/b",
  "#/$defs/name",
  "#/properties/a",
  "#/$defs/__proto__",
  "#/nowhere"
] as const
const BAD_REFERENCES = ["http://x/y", "#a", "#/%", "#/$defs", 7, null, "#/a/".repeat(300)] as const

const WRONG = [null, true, 7, "x", [], {}, [null], { type: "strin" }, ["string", 3]] as const

const UNSUPPORTED = [
  "not",
  "if",
  "patternProperties",
  "propertyNames",
  "uniqueItems",
  "contains",
  "multipleOf",
  "dependentRequired",
  "unevaluatedProperties",
  "__proto__",
  "constructor"
] as const

const literal = (random: Random, depth: number): unknown => {
  switch (random.below(depth > 0 ? 8 : 6)) {
    case 0:
      return random.pick(NAMES)
    case 1:
      return random.pick(NUMBERS)
    case 2:
      return random.chance(0.5)
    case 3:
      return null
    case 4:
    case 5:
      return `${random.pick(NAMES)}${random.below(9)}`
    case 6:
      return listOf(random, 3, () => literal(random, depth - 1))
    default:
      return recordOf(random, 3, () => literal(random, depth - 1))
  }
}

const listOf = <A>(random: Random, most: number, make: () => A): ReadonlyArray<A> =>
  Array.from({ length: random.below(most + 1) }, make)

/** Own properties, whatever their names. */
const recordOf = <A>(random: Random, most: number, make: () => A): Readonly<Record<string, A>> =>
  Object.fromEntries(listOf(random, most, () => [random.pick(NAMES), make()] as const))

export interface SchemaTaste {
  /** How likely a keyword has a value that it shouldn't. */
  readonly wrong: number
  readonly depth: number
}

/** Keywords with their values, of which a schema has some. */
type Part = (random: Random, taste: SchemaTaste) => Readonly<Record<string, unknown>>

const inner = (random: Random, taste: SchemaTaste) => randomSchema(random, { ...taste, depth: taste.depth - 1 })

const counts = (random: Random, { wrong }: SchemaTaste) => random.pick(random.chance(wrong) ? COUNTS : SMALL_COUNTS)

const PARTS: readonly [Part, ...Array<Part>] = [
  (random, taste) => {
    const properties = recordOf(random, 4, () => inner(random, taste))
    const names = Object.keys(properties).filter(() => random.chance(0.6))
    return {
      type: "object",
      properties,
      required: random.chance(0.2) ? [...names, random.pick(NAMES)] : names,
      ...(random.chance(0.5) ? { additionalProperties: random.chance(0.7) ? false : inner(random, taste) } : {})
    }
  },
  (random, taste) => ({
    type: "object",
    additionalProperties: inner(random, taste),
    ...(random.chance(0.5) ? { minProperties: counts(random, taste), maxProperties: counts(random, taste) } : {})
  }),
  (random, taste) => ({
    type: "array",
    items: inner(random, taste),
    ...(random.chance(0.5) ? { minItems: counts(random, taste) } : {}),
    ...(random.chance(0.5) ? { maxItems: counts(random, taste) } : {}),
    ...(random.chance(0.3) ? { prefixItems: listOf(random, 3, () => inner(random, taste)) } : {})
  }),
  () => ({ type: "string" }),
  (random, taste) => ({
    type: "string",
    ...(random.chance(0.5) ? { minLength: counts(random, taste) } : {}),
    ...(random.chance(0.8) ? { maxLength: counts(random, taste) * 3 } : {})
  }),
  (random) => ({ type: "string", pattern: random.pick(PATTERNS) }),
  (random) => ({ type: "string", format: random.pick(FORMATS) }),
  (random) => ({ type: random.chance(0.5) ? "integer" : "number" }),
  (random) => ({
    type: random.chance(0.5) ? "integer" : "number",
    [random.chance(0.5) ? "minimum" : "exclusiveMinimum"]: random.pick(NUMBERS),
    ...(random.chance(0.5) ? { [random.chance(0.5) ? "maximum" : "exclusiveMaximum"]: random.pick(NUMBERS) } : {})
  }),
  (random) => ({ enum: [literal(random, 2), ...listOf(random, 4, () => literal(random, 2))] }),
  (random) => ({ const: literal(random, 3) }),
  () => ({ type: ["boolean", "null"] }),
  (random, taste) => ({ anyOf: [inner(random, taste), inner(random, taste)] }),
  (random, taste) => ({ oneOf: [inner(random, taste), inner(random, taste)] }),
  (random, taste) => ({ allOf: [inner(random, taste)] }),
  (random, { wrong }) => ({ $ref: random.chance(wrong) ? random.pick(BAD_REFERENCES) : random.pick(REFERENCES) }),
  () => ({})
]

const LEAVES: typeof PARTS = [
  (random) =>
    random.pick([{ type: "string" }, { type: "integer" }, { type: "null" }, true])
      ? { type: random.pick(["string", "integer", "null", "boolean"]) }
      : {}
]

const spoiled = (random: Random, schema: Readonly<Record<string, unknown>>): unknown => {
  const keywords = Object.keys(schema)
  const keyword = keywords[random.below(Math.max(1, keywords.length))] ?? "type"
  switch (random.below(5)) {
    case 0:
      return { ...schema, [keyword]: random.pick(WRONG) }
    case 1:
      return Object.fromEntries([...Object.entries(schema), [random.pick(UNSUPPORTED), random.pick(WRONG)]])
    case 2:
      return { ...schema, ...random.pick(PARTS)(random, { wrong: 0, depth: 0 }) }
    case 3:
      return random.pick(WRONG)
    default:
      return { ...schema, minimum: 5, maximum: 1, minLength: 9, maxLength: 2, minItems: 4, maxItems: 1 }
  }
}

const randomSchema = (random: Random, taste: SchemaTaste): unknown => {
  const schema = random.pick(taste.depth > 0 ? PARTS : LEAVES)(random, taste)
  if (random.chance(taste.wrong)) return spoiled(random, schema)
  return random.chance(0.1) ? { ...schema, title: "t", description: "d" } : schema
}

const deep = (levels: number, wrap: (inner: unknown) => unknown): unknown => {
  let schema: unknown = { type: "null" }
  for (let level = 0; level < levels; level++) schema = wrap(schema)
  return schema
}
const wide = <A>(count: number, make: (index: number) => A): ReadonlyArray<A> =>
  Array.from({ length: count }, (_, i) => make(i))

/** Schemas that ask for more than a schema should. */
const HOSTILE: readonly [(random: Random) => unknown, ...Array<(random: Random) => unknown>] = [
  (random) => deep(random.below(3000), (items) => ({ type: "array", items })),
  (random) => deep(random.below(13), (one) => ({ anyOf: [one, one] })),
  (random) => deep(random.below(14), (one) => ({ type: "object", properties: { a: one, b: one }, required: ["a"] })),
  (random) => ({ enum: wide(random.below(3000), (i) => `value ${i}`) }),
  (random) => ({ enum: wide(random.below(600), (i) => ({ k: `v${i}`, l: [i] })) }),
  (random) => ({
    type: "object",
    properties: Object.fromEntries(wide(random.below(3000), (i) => [`p${i}`, { type: "string", maxLength: i }]))
  }),
  (random) => ({ oneOf: wide(random.below(150), (i) => ({ const: i })) }),
  (random) => ({
    anyOf: wide(random.below(400), (i) => ({ type: "string", pattern: `^${"a".repeat(i % 40)}.{${i}}$` }))
  }),
  (random) => ({ const: "x".repeat(random.below(200_000)) }),
  (random) => ({ type: "string", pattern: "(".repeat(random.below(3000)) }),
  (random) => ({ type: "string", pattern: `^(?:${wide(random.below(300), (i) => `a{${i}}`).join("|")})*$` }),
  (random) => ({
    type: "string",
    pattern: `[${wide(random.below(1500), (i) => String.fromCodePoint(300 + 2 * i)).join("")}]{90}`
  }),
  (random) => ({
    $ref: "#/$defs/d0",
    $defs: Object.fromEntries(wide(random.below(300), (i) => [`d${i}`, { $ref: `#/$defs/d${i + 1}` }]))
  }),
  (random) => ({
    $ref: "#/$defs/d0",
    $defs: Object.fromEntries(
      wide(1 + random.below(40), (i) => [
        `d${i}`,
        { anyOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }, { type: "null" }] }
      ])
    )
  }),
  (random) => ({
    type: "array",
    items: { type: "array", items: {}, minItems: random.below(100_000) },
    minItems: random.below(100_000)
  }),
  (random) => ({ type: "integer", minimum: -random.below(2 ** 31), maximum: 10 ** random.below(15) }),
  (random) => ({ type: "object", required: wide(random.below(3000), (i) => `r${i}`) }),
  (random) => ({ type: "array", prefixItems: wide(random.below(3000), () => ({ type: "integer" })), items: false })
]

/** A schema, with definitions that references may find. One in fifty is hostile. */
export const anySchema = (random: Random): unknown => {
  if (random.chance(0.02)) return random.pick(HOSTILE)(random)
  const taste = { wrong: random.pick([0, 0, 0.05, 0.3]), depth: random.below(4) }
  const schema = randomSchema(random, taste)
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return schema
  return { ...schema, $defs: recordOf(random, 4, () => randomSchema(random, taste)) }
}
