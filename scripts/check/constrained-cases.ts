/** Schemas as clients send them: hand-written ones, and such as pydantic, zod and OpenAI's examples make. */
const text = { type: "string" }
const integer = { type: "integer" }
const object = (properties: Readonly<Record<string, unknown>>, more: Readonly<Record<string, unknown>> = {}) => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...more
})

export const SCHEMAS: ReadonlyArray<readonly [name: string, schema: unknown]> = [
  ["any object", { type: "object" }],
  ["anything", {}],
  ["string", text],
  ["short string", { type: "string", minLength: 2, maxLength: 5 }],
  ["long string", { type: "string", minLength: 20, maxLength: 32 }],
  ["very long string", { type: "string", minLength: 100, maxLength: 256 }],
  [
    "limited strings",
    object({
      name: { type: "string", minLength: 1, maxLength: 100 },
      text: { type: "string", maxLength: 4000 },
      code: { type: "string", pattern: "^.{3,200}$" }
    })
  ],
  [
    "two readings",
    {
      anyOf: [
        object({ a: { type: "string", maxLength: 3 }, b: { type: "string", format: "date" } }),
        object({ a: { type: "string", pattern: "^a+$" }, b: integer }),
        object({ a: { enum: ["aa", "", { k: "v" }] }, c: { const: "x" } })
      ]
    }
  ],
  ["pattern", { type: "string", pattern: "^[A-Z]{3}-\\d{2,4}(?:-x)?$" }],
  ["unanchored pattern", { type: "string", pattern: "a\\Wb|^\\s" }],
  ["pattern with quotes", { type: "string", pattern: "^[\"'\\\\\\n<]+.$" }],
  ["negated pattern", { type: "string", pattern: "^[^a-z]{1,4}$" }],
  ["date-time", { type: "string", format: "date-time" }],
  [
    "formats",
    object({
      a: { type: "string", format: "date" },
      b: { type: "string", format: "email" },
      c: { type: "string", format: "uuid" }
    })
  ],
  [
    "more formats",
    object({
      a: { type: "string", format: "ipv4" },
      b: { type: "string", format: "ipv6" },
      c: { type: "string", format: "hostname" },
      d: { type: "string", format: "time" },
      e: { type: "string", format: "duration" },
      f: { type: "string", format: "uri" }
    })
  ],
  ["integer range", { type: "integer", minimum: -37, maximum: 1204 }],
  ["exclusive range", { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 }],
  ["decimal range", { type: "number", minimum: -1.25, maximum: 13.5 }],
  ["lower bound", { type: "integer", exclusiveMinimum: 99 }],
  ["large lower bound", { type: "integer", minimum: 100_001 }],
  ["bounds of both signs", { type: "number", exclusiveMinimum: -1, maximum: 1e6 }],
  ["texts or numbers", { type: "array", items: { enum: ["1", 1, 12, 1.5, { n: 1 }, -1] }, maxItems: 5 }],
  ["long tuple", { type: "array", prefixItems: Array.from({ length: 400 }, () => integer), items: false, maxItems: 3 }],
  ["numbers", { type: "array", items: { type: "number" }, minItems: 1, maxItems: 4 }],
  ["enumeration", { enum: ['a"b', "c<d", 1, null, { k: [1.5, true] }, "grüße 😀"] }],
  ["constant", object({ kind: { const: "x" }, n: { type: ["integer", "null"] } })],
  [
    "optional properties",
    {
      type: "object",
      properties: { a: text, b: integer, c: { type: "boolean" }, d: { type: "null" } },
      required: ["c"]
    }
  ],
  [
    "other properties",
    { type: "object", properties: { name: integer, nick: integer }, additionalProperties: { type: "boolean" } }
  ],
  [
    "map",
    {
      type: "object",
      additionalProperties: { type: "array", items: integer, maxItems: 2 },
      minProperties: 1,
      maxProperties: 3
    }
  ],
  ["required without a schema", { type: "object", required: ["free"], properties: { a: integer } }],
  ["tuple", { type: "array", prefixItems: [text, integer], items: { type: "boolean" }, minItems: 2, maxItems: 5 }],
  ["closed tuple", { type: "array", prefixItems: [integer, { type: "null" }], items: false, minItems: 1 }],
  ["counted items", { type: "array", items: { enum: ["x", "y"] }, minItems: 11, maxItems: 23 }],
  [
    "recursive",
    {
      $defs: { node: object({ value: integer, next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } }) },
      $ref: "#/$defs/node"
    }
  ],
  ["tree", object({ name: { enum: ["n"] }, children: { type: "array", items: { $ref: "#" }, maxItems: 2 } })],
  [
    "tagged union",
    { oneOf: [object({ t: { const: "a" }, x: integer }), object({ t: { const: "b" }, y: text }), { type: "string" }] }
  ],
  [
    "pydantic",
    {
      title: "Order",
      type: "object",
      $defs: {
        Item: object(
          { sku: { type: "string", maxLength: 8, title: "Sku" }, count: { type: "integer", minimum: 1 } },
          { title: "Item" }
        )
      },
      properties: {
        items: { type: "array", items: { $ref: "#/$defs/Item" }, maxItems: 3 },
        note: { anyOf: [{ type: "string" }, { type: "null" }], default: null },
        first: { allOf: [{ $ref: "#/$defs/Item" }], description: "the first" }
      },
      required: ["items", "first"]
    }
  ],
  [
    "steps",
    object({ steps: { type: "array", items: object({ explanation: text, output: text }) }, final_answer: text })
  ],
  [
    "odd names",
    object({ 'a"b': integer, "c\\d": integer, "": integer, "e\nf": { type: "boolean" }, __proto__x: { type: "null" } })
  ]
]
