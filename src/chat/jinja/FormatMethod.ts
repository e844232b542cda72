/** `str.format`: replacement fields with attributes and items as the sandbox allows them. */

import { pairsOf } from "./Args.js"
import { lookupError, typeError, valueError } from "./Failure.js"
import { formatted } from "./FormatSpec.js"
import { asciiOf, escaped, repr, str } from "./Repr.js"
import { isMarkup, joined, raw, type Str, sliced } from "./Text.js"
import { Func, isStr, type Kwargs, type Runtime, type Value } from "./Values.js"

/** How the fields' attributes and items are looked up: as the sandbox allows. */
export interface LookUp {
  readonly attribute: (value: Value, name: string, rt: Runtime) => Value
  readonly item: (value: Value, key: Value, rt: Runtime) => Value
}

interface Fields {
  readonly lookUp: LookUp
  readonly args: ReadonlyArray<Value>
  readonly kwargs: Kwargs
  /** The next number of fields without one; null once a field had its own. */
  auto: number | null
  readonly rt: Runtime
}

const FIELD_NAME = /^([^.[\]]*)((?:\.[^.[\]]+|\[[^\]]+\])*)$/s
const PATH_PART = /\.([^.[\]]+)|\[([^\]]+)\]/gs

const NUMBER = /^\d+$/

/** The argument that a field begins with. Numbering is automatic for empty fields only, as in Python's `string.Formatter`. */
const first = (field: string, name: string, fields: Fields): Value => {
  const automatic = field === ""
  if (automatic || NUMBER.test(field)) {
    if (automatic ? fields.auto === null : (fields.auto ?? 0) > 0) {
      throw valueError("cannot switch between manual field specification and automatic field numbering")
    }
  }
  const at = automatic ? (fields.auto ?? 0) : Number(name)
  if (automatic) fields.auto = at + 1
  else if (NUMBER.test(field)) fields.auto = null
  const value = automatic || NUMBER.test(name) ? fields.args[at] : fields.kwargs.get(name)
  if (value === undefined) throw lookupError(name === "" ? "Replacement index out of range" : name)
  return value
}

const fieldValue = (field: string, fields: Fields): Value => {
  const found = FIELD_NAME.exec(field)
  if (found === null) throw valueError("Empty attribute in format string")
  let value = first(field, found[1] ?? "", fields)
  for (const [, attr, item] of (found[2] ?? "").matchAll(PATH_PART)) {
    if (attr !== undefined) value = fields.lookUp.attribute(value, attr, fields.rt)
    else if (item !== undefined) value = fields.lookUp.item(value, /^\d+$/.test(item) ? Number(item) : item, fields.rt)
  }
  return value
}

const converted = (value: Value, conversion: string, rt: Runtime): Value => {
  if (conversion === "r") return repr(value, rt)
  if (conversion === "s") return str(value, rt)
  if (conversion === "a") return asciiOf(repr(value, rt))
  throw valueError(`Unknown conversion specifier ${conversion}`)
}

/** The end of a field that begins at `start`, past nested braces. */
const endOfField = (s: string, start: number): number => {
  let depth = 1
  for (let at = start; at < s.length; at++) {
    if (s[at] === "{") depth++
    else if (s[at] === "}" && --depth === 0) return at
  }
  throw valueError("expected '}' before end of string")
}

const MAX_NESTING = 2

const rendered = (template: Str, fields: Fields, nesting: number): Str => {
  if (nesting < 0) throw valueError("Max string recursion exceeded")
  const s = raw(template)
  const parts: Array<Str> = []
  let at = 0
  while (at < s.length) {
    const next = s.slice(at).search(/[{}]/)
    if (next < 0) break
    const brace = at + next
    parts.push(sliced(template, at, brace))
    if (s[brace + 1] === s[brace]) {
      parts.push(sliced(template, brace, brace + 1))
      at = brace + 2
      continue
    }
    if (s[brace] === "}") throw valueError("Single '}' encountered in format string")
    if (brace + 1 === s.length) throw valueError("Single '{' encountered in format string")
    const end = endOfField(s, brace + 1)
    parts.push(field(s.slice(brace + 1, end), fields, nesting, isMarkup(template)))
    at = end + 1
  }
  return joined([...parts, sliced(template, at)])
}

const field = (body: string, fields: Fields, nesting: number, escape: boolean): Str => {
  const { rt } = fields
  // An item's brackets may hold a colon or an exclamation mark.
  const found = /^((?:[^[:!]|\[[^\]]*\]?)*)(?:!([^:]*))?(?::(.*))?$/s.exec(body)
  if (found === null) throw valueError("expected ':' after conversion specifier")
  const [, name = "", conversion, spec = ""] = found
  let value = fieldValue(name, fields)
  if (conversion !== undefined) value = converted(value, conversion, rt)
  const text = formatted(value, raw(rendered(spec, fields, nesting - 1)), rt)
  rt.spendChars(raw(text).length)
  return escape ? escaped(isStr(value) && isMarkup(value) ? value : text, rt) : text
}

/** The `format` or `format_map` of a string; undefined for another name. */
export const formatMethod = (self: Str, name: string, lookUp: LookUp): Func | undefined => {
  if (name !== "format" && name !== "format_map") return undefined
  const isMap = name === "format_map"
  return new Func(name, (rt, args, kwargs) => {
    if (isMap && (kwargs.size > 0 || args.length !== 1)) throw typeError("format_map() takes exactly one argument")
    const named = isMap
      ? new Map(
          pairsOf(args[0] ?? null, rt).flatMap(([key, value]) => (isStr(key) ? [[raw(key), value] as const] : []))
        )
      : kwargs
    rt.spendChars(raw(self).length)
    const result = rendered(self, { args: isMap ? [] : args, kwargs: named, auto: 0, lookUp, rt }, MAX_NESTING)
    return isMarkup(self) ? joined([result], true) : result
  })
}
