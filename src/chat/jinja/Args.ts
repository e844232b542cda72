/** Python's rules for passing arguments, for the functions that are built in. */
import { typeError, valueError } from "./Failure.js"
import { iterate } from "./Operations.js"
import { raw, type Str } from "./Text.js"
import { Dict, isInt, isStr, type Kwargs, PyObject, type Runtime, typeName, Undefined, type Value } from "./Values.js"

/** Arguments by parameter; undefined where none was passed. */
export type Bound = ReadonlyArray<Value | undefined>

/** Parameters of a function: names after one another, `!` before those that must be given, `/` before those without a name. */
export const binder = (signature: string) => {
  const params = signature.split(" ").filter((param) => param !== "")
  const names = params.map((param) => param.replace(/^[!/]+/, ""))
  const required = params.map((param) => param.includes("!"))
  const keyword = params.map((param) => !param.includes("/"))
  return (name: string, args: ReadonlyArray<Value>, kwargs: Kwargs): Bound => {
    if (args.length > names.length)
      throw typeError(`${name} takes at most ${names.length} arguments (${args.length} given)`)
    const bound: Array<Value | undefined> = names.map((_, i) => args[i])
    for (const [key, value] of kwargs) {
      const index = names.indexOf(key)
      if (index < 0 || keyword[index] !== true) throw typeError(`${name} got an unexpected keyword argument '${key}'`)
      if (index < args.length) throw typeError(`${name} got multiple values for argument '${key}'`)
      bound[index] = value
    }
    const missing = required.findIndex((needed, i) => needed && bound[i] === undefined)
    if (missing >= 0) throw typeError(`${name} missing required argument '${names[missing]}'`)
    return bound
  }
}

/** An integer where Python asks for one (`__index__`). */
export const index = (value: Value): number => {
  if (typeof value === "boolean") return Number(value)
  if (isInt(value)) return Number(value)
  throw typeError(`'${typeName(value)}' object cannot be interpreted as an integer`)
}

export const textArg = (value: Value | undefined, what = "argument"): Str => {
  if (value !== undefined && isStr(value)) return value
  throw typeError(`${what} must be str, not ${value === undefined ? "missing" : typeName(value)}`)
}

export const stringArg = (value: Value | undefined, what?: string): string => raw(textArg(value, what))

/** The mapping behind `**` or `dict(…)`. */
export const pairsOf = (value: Value, rt: Runtime): ReadonlyArray<readonly [Value, Value]> => {
  if (value instanceof Dict) return [...value.entries()]
  if (value instanceof Undefined) return value.fail()
  if (value instanceof PyObject && value.attribute("keys", rt) !== undefined) throw typeError("not a mapping")
  return Array.from(iterate(value, rt), (pair) => {
    const items = [...iterate(pair, rt)]
    const [key, item] = items
    if (key === undefined || item === undefined || items.length !== 2) {
      throw valueError(`dictionary update sequence element has length ${items.length}; 2 is required`)
    }
    return [key, item] as const
  })
}
