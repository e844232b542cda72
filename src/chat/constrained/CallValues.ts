/** Values of parameters in formats that write texts as they are and everything else as JSON. Pure. */
import { isObject, type JsonObject } from "../../domain/JsonFile.js"
import { type ParameterType, typeOf } from "../toolcalls/ParameterType.js"
import { arrayGrammar } from "./ArrayGrammar.js"
import { charactersOf, setOf } from "./CodePoints.js"
import { FORMATS } from "./Formats.js"
import {
  choice,
  EMPTY,
  type Expression,
  literal,
  makeRules,
  many,
  oneOf,
  optional,
  type Rules,
  sequence
} from "./Grammar.js"
import { type JsonText, makeJsonText } from "./JsonText.js"
import { declaredTypes, isOfType, type JsonType } from "./Keywords.js"
import { objectGrammar } from "./ObjectGrammar.js"
import { matchesWord, rawExpression, withEnds } from "./RawRegex.js"
import { anyText, CONTROLS, exactText, isWritable, type RawText, WHITE } from "./RawText.js"
import { resolve } from "./References.js"
import { Refusal } from "./Refusal.js"
import { ANY_CHARACTER, parseRegex, type Regex } from "./Regex.js"
import { beside, countOf, inside, type Place, type SchemaContext } from "./SchemaContext.js"
import { schemaGrammar } from "./SchemaGrammar.js"

/** `text`: strings are texts, all else is JSON. */
export type Writing = "text" | "json" | { readonly problem: string }

export interface ValueStyle {
  /** By what the format's reader knows of the parameter. */
  readonly writing: (type: ParameterType | null) => Writing
  readonly text: RawText
  /** Further words that are read as null where the parameter may be that. */
  readonly nullWords: ReadonlyArray<string>
  /** Before a text, beside what stands before each value. */
  readonly open: string
  /** Behind a value that is JSON. */
  readonly jsonClose: string
  /** Whether texts in objects and lists are written as texts, too, and names without quotes. */
  readonly deep: boolean
}

/** A tool's parameters while their values are read. */
export interface Parameters {
  /** The schema of all of them, which references are looked up in. */
  readonly root: JsonObject
  readonly strict: boolean
  /** Of this schema among those of one grammar. */
  readonly name: string
  readonly rules: Rules
}

/** The marks of the formats begin with it, so no string inside of JSON has it as it is. */
const AVOID = "<"

const LOCAL = /^#\/(?:\$defs|definitions)\//

const referencesOf = (schema: unknown): ReadonlyArray<unknown> => {
  if (Array.isArray(schema)) return schema.flatMap(referencesOf)
  if (!isObject(schema)) return []
  const { $ref } = schema
  return [...($ref === undefined ? [] : [$ref]), ...Object.values(schema).flatMap(referencesOf)]
}

/** A value as JSON; throws a Refusal where none can be. */
const jsonGrammar = (schema: unknown, place: Place, { name, root, rules, strict }: Parameters): Expression => {
  const { $defs = {}, definitions = {} } = root
  const own = isObject(schema) ? { ...schema, $defs, definitions } : schema
  const other = referencesOf(own).find((reference) => typeof reference !== "string" || !LOCAL.test(reference))
  if (other !== undefined)
    throw new Refusal("$ref", place.path, "only references to '#/$defs' are supported in a tool's parameters")
  try {
    return schemaGrammar(own, rules, { strict, avoid: AVOID, name })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const path = LOCAL.test(error.path) ? error.path : place.path + error.path.slice(1)
    throw new Refusal(error.keyword, path, error.problem)
  }
}

const ANY: Regex = { _tag: "Repeat", part: ANY_CHARACTER, min: 0, max: null }
const SHAPES = ["pattern", "format", "minLength", "maxLength"]

interface Shape {
  readonly keyword: string
  readonly regex: Regex
}

/** The texts that a schema's keywords allow; null where they allow all. */
const shapeOf = (schema: JsonObject, { path }: Place): Shape | null => {
  const keyword = SHAPES.find((keyword) => schema[keyword] !== undefined)
  if (keyword === undefined) return null
  if (keyword !== "pattern" && keyword !== "format") {
    const { maxLength, minLength } = schema
    const count = (value: unknown) => (typeof value === "number" ? value : null)
    return { keyword, regex: { ...ANY, min: count(minLength) ?? 0, max: count(maxLength) } }
  }
  const whole = keyword === "format"
  const pattern = whole ? (FORMATS[String(schema["format"])] ?? "") : String(schema["pattern"])
  const alternatives = parseRegex(pattern, (problem) => new Refusal(keyword, path, problem)).map(
    ({ fromStart, regex, toEnd }): Regex => ({
      _tag: "Sequence",
      parts: [...(fromStart || whole ? [] : [ANY]), regex, ...(toEnd || whole ? [] : [ANY])]
    })
  )
  return { keyword, regex: { _tag: "Choice", alternatives } }
}

/** Keywords that say of which types values are. */
const TELLING = ["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "properties", "items"]

const isContainer = (type: JsonType) => type === "object" || type === "array"

/** Types that a schema speaks of without naming one; a schema that tells nothing is kept by texts. */
const spokenTypes = (schema: JsonObject): ReadonlyArray<JsonType> => {
  const types = [
    ...("properties" in schema ? ["object" as const] : []),
    ...("items" in schema ? ["array" as const] : [])
  ]
  return types.length > 0 ? types : ["string"]
}

const WORD = charactersOf("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
/** Names that need no quotes; those of others have them. */
const BARE_NAME = /^[\p{L}\p{N}_]+$/u

/** Objects whose names have no quotes, without white space. */
const bareNames = (json: JsonText): JsonText => ({
  ...json,
  space: EMPTY,
  bare: WORD,
  nameEnding: sequence(many(oneOf(WORD)), literal('"')),
  name: (name) => {
    if (BARE_NAME.test(name)) return literal(`${name}:`)
    throw new Refusal("properties", "#", `the model can't write a name such as '${name.slice(0, 40)}'`)
  }
})

/** Strings as texts, and all other values as JSON, with what closes them. */
const textWriter = (parameters: Parameters, style: ValueStyle) => {
  const { name, root, rules, strict } = parameters
  const { jsonClose, open, text } = style
  const marks = [text.close, ...text.never].map((mark) => mark.charAt(0)).join("")
  const avoided = setOf([...charactersOf(marks), ...CONTROLS])

  const json = (schema: unknown, place: Place) => sequence(jsonGrammar(schema, place, parameters), literal(jsonClose))

  const shaped = ({ keyword, regex }: Shape, { path }: Place): Expression => {
    const firsts = text.words.filter((word) => matchesWord(regex, word)).map((word) => word.charAt(0))
    const notFirst = charactersOf([...firsts, ...firsts.map((letter) => letter.toUpperCase())].join(""))
    const ends = text.trimmed ? WHITE : []
    const readable = withEnds(regex, setOf([...notFirst, ...ends]), ends)
    const content = readable === null ? null : rawExpression(readable, avoided, rules)
    if (content === null) throw new Refusal(keyword, path, "no text that the model can write in a call fits it")
    return sequence(rules.rule(content), literal(text.wrap + text.close))
  }

  const listed = (schema: JsonObject, place: Place): Expression => {
    const keyword = Object.hasOwn(schema, "const") ? "const" : "enum"
    const values: ReadonlyArray<unknown> = keyword === "const" ? [schema["const"]] : [schema["enum"]].flat()
    const types = declaredTypes(schema, place.path)
    const fitting = values.filter((value) => types === null || types.some((type) => isOfType(value, type)))
    return choice(
      fitting.map((value) => {
        const isText = typeof value === "string"
        if (!isText && !(style.deep && typeof value === "object" && value !== null))
          return json({ const: value }, place)
        if (isText && isWritable(value, text)) return sequence(literal(open), exactText(value, text))
        throw new Refusal(keyword, place.path, "the model can't write one of its values in a call")
      })
    )
  }

  const either = (schema: unknown, place: Place): Expression | null => {
    if (schema === true) return sequence(literal(open), anyText(text, rules))
    if (!isObject(schema)) return null
    if (schema["$ref"] !== undefined) {
      const reference = String(schema["$ref"])
      return rules.recursive(`${name} ${reference} ${text.close} ${text.words.join(" ")}`, () => {
        const found = either(resolve(root, reference, place.path), { ...place, path: reference })
        if (found === null) throw new Refusal("$ref", place.path, `no value fits '${reference}'`)
        return found
      })
    }
    const combined = ["allOf", "anyOf", "oneOf"].find((keyword) => Object.hasOwn(schema, keyword))
    if (combined !== undefined) {
      const some = [schema[combined]].flat().flatMap((one, index) => either(one, beside(place, combined, index)) ?? [])
      return some.length === 0 ? null : choice(some)
    }
    if (Object.hasOwn(schema, "const") || Object.hasOwn(schema, "enum")) return listed(schema, place)
    const types = declaredTypes(schema, place.path) ?? spokenTypes(schema)
    const deep = style.deep ? types.filter(isContainer) : []
    const others = types.filter((type) => type !== "string" && !(style.deep && isContainer(type)))
    const shape = types.includes("string") ? shapeOf(schema, place) : null
    const texts = shape === null ? anyText(text, rules) : shaped(shape, place)
    const all = [
      ...(types.includes("string") ? [sequence(literal(open), texts)] : []),
      ...(others.length === 0 ? [] : [json({ ...schema, type: others }, place)]),
      ...deep.flatMap((type) => deepGrammar(schema, type, place) ?? [])
    ]
    return all.length === 0 ? null : choice(all)
  }

  /** Of any names. */
  const mapOf = (schema: JsonObject, place: Place): Expression => {
    const other = either(schema["additionalProperties"] ?? !strict, inside(place, "additionalProperties"))
    const [min, max] = [
      countOf(schema, "minProperties", place.path, 0),
      countOf(schema, "maxProperties", place.path, null)
    ]
    if (other === null || max === 0) return literal("{}")
    const pair = rules.rule(sequence(oneOf(WORD), many(oneOf(WORD)), literal(":"), other))
    const some = sequence(pair, rules.repeat(sequence(literal(","), pair), 0, max === null ? null : max - 1))
    return sequence(literal("{"), min === 0 ? optional(some) : some, literal("}"))
  }
  const deepGrammar = (schema: JsonObject, type: JsonType, place: Place): Expression | null => {
    if (type === "array") return arrayGrammar(schema, place, context)
    const named = schema["properties"] !== undefined || schema["required"] !== undefined
    return named ? objectGrammar(schema, place, context) : mapOf(schema, place)
  }

  const context: SchemaContext = { rules, strict, json: bareNames(makeJsonText(rules, AVOID)), value: either }
  return either
}

/** A value of a parameter, with what closes it; null for a schema that none fits. */
export const valueGrammar = (
  schema: unknown,
  place: Place,
  parameters: Parameters,
  style: ValueStyle
): Expression | null => {
  if (schema === false) return null
  const type = typeOf(parameters.root, schema)
  const writing = style.writing(type)
  if (writing === "json") return sequence(jsonGrammar(schema, place, parameters), literal(style.jsonClose))
  // What can't be kept as JSON can't be kept here either.
  jsonGrammar(schema, place, { ...parameters, rules: makeRules() })
  const words = [...style.text.words, ...(type?.types.has("null") === true ? style.nullWords : [])]
  if (writing === "text") return textWriter(parameters, { ...style, text: { ...style.text, words } })(schema, place)
  const keyword = TELLING.find((key) => isObject(schema) && key in schema) ?? "type"
  throw new Refusal(keyword, place.path, writing.problem)
}
