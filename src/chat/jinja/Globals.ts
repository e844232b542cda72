/** The names every template knows, as transformers sets them up. */
import { index, pairsOf, textArg } from "./Args.js"
import { overflowError, runtimeError, securityError, TemplateFailure, typeError, valueError } from "./Failure.js"
import { MAX_RANGE, Range } from "./Objects.js"
import { iterate } from "./Operations.js"
import { repr, str } from "./Repr.js"
import { strftime } from "./Strftime.js"
import { changed, joined, raw, type Str } from "./Text.js"
import { type Call, Dict, Func, isStr, type Kwargs, PyObject, type Runtime, type Value } from "./Values.js"

const range: Call = (_, args, kwargs) => {
  if (kwargs.size > 0 || args.length === 0 || args.length > 3) throw typeError("range expected from 1 to 3 arguments")
  const numbers = args.map(index)
  const [start, stop] = numbers.length === 1 ? [0, numbers[0] ?? 0] : [numbers[0] ?? 0, numbers[1] ?? 0]
  const step = numbers[2] ?? 1
  if (step === 0) throw valueError("range() arg 3 must not be zero")
  const made = new Range(start, stop, step)
  if (made.count > MAX_RANGE) throw overflowError(`Range too big. The sandbox blocks ranges larger than ${MAX_RANGE}.`)
  return made
}

/** The pairs of `dict(…)` and `namespace(…)`. */
const entriesOf = (rt: Runtime, args: ReadonlyArray<Value>, kwargs: Kwargs): ReadonlyArray<readonly [Value, Value]> => {
  if (args.length > 1) throw typeError(`dict expected at most 1 argument, got ${args.length}`)
  return [...args.flatMap((arg) => pairsOf(arg, rt)), ...kwargs]
}

class DictType extends PyObject {
  readonly type = "TemplateDict"
  override readonly callable = true

  override call(rt: Runtime, args: ReadonlyArray<Value>, kwargs: Kwargs): Value {
    return Dict.of(entriesOf(rt, args, kwargs))
  }

  override attribute(name: string): Value | undefined {
    if (name !== "fromkeys") return undefined
    return new Func(name, (rt, args, kwargs) => {
      if (kwargs.size > 0 || args.length === 0) throw typeError("fromkeys expected at least 1 argument")
      const [keys = null, value = null] = args
      return Dict.of(Array.from(iterate(keys, rt), (key) => [key, value] as const))
    })
  }
}

const publicName = (name: Value): Value => {
  if (isStr(name) && raw(name).startsWith("_")) {
    throw securityError(
      `Chat templates cannot store underscore-prefixed attributes on a namespace, but got '${raw(name)}'.`
    )
  }
  return name
}

/** The only object that a template can change. */
export class Namespace extends PyObject {
  readonly type = "Namespace"

  constructor(readonly attributes: Dict) {
    super()
  }

  set(name: string, value: Value): void {
    this.attributes.set(publicName(name), value)
  }

  override attribute(name: string): Value | undefined {
    return this.attributes.getName(name)
  }

  override repr(rt: Runtime): Str {
    return joined(["<Namespace ", repr(this.attributes, rt), ">"])
  }
}

const namespace: Call = (rt, args, kwargs) => {
  const entries = entriesOf(rt, args, kwargs)
  for (const [name] of entries) publicName(name)
  return new Namespace(Dict.of(entries))
}

class Cycler extends PyObject {
  readonly type = "Cycler"
  #at = 0

  constructor(readonly items: ReadonlyArray<Value>) {
    super()
  }

  override attribute(name: string): Value | undefined {
    const current = this.items[this.#at] ?? null
    if (name === "current") return current
    if (name === "pos") return this.#at
    if (name === "items") return this.items
    if (name === "next") {
      return new Func(name, () => {
        const value = this.items[this.#at] ?? null
        this.#at = (this.#at + 1) % this.items.length
        return value
      })
    }
    if (name !== "reset") return undefined
    return new Func(name, () => {
      this.#at = 0
      return null
    })
  }
}

const cycler: Call = (_, args) => {
  if (args.length === 0) throw runtimeError("at least one item has to be provided")
  return new Cycler(args)
}

class Joiner extends PyObject {
  readonly type = "Joiner"
  override readonly callable = true
  #used = false

  constructor(readonly sep: Value) {
    super()
  }

  override call(): Value {
    const value = this.#used ? this.sep : ""
    this.#used = true
    return value
  }

  override attribute(name: string): Value | undefined {
    if (name === "sep") return this.sep
    return name === "used" ? this.#used : undefined
  }
}

const raiseException: Call = (rt, args, kwargs) => {
  const message = args[0] ?? kwargs.get("message")
  if (message === undefined || args.length + kwargs.size > 1) throw typeError("raise_exception() takes one argument")
  throw new TemplateFailure("raise", raw(str(message, rt)))
}

const strftimeNow: Call = (rt, args, kwargs) => {
  const format = textArg(args[0] ?? kwargs.get("format"))
  rt.spendChars(32 * raw(format).length)
  return changed(format, strftime(raw(format), rt.now()))
}

/** Random text would make a prompt that no other program makes. */
const lipsum: Call = () => {
  throw runtimeError("lipsum() is not supported: it makes random text")
}

const functions: ReadonlyArray<readonly [string, Call, string]> = [
  ["range", range, "function"],
  ["namespace", namespace, "type"],
  ["cycler", cycler, "type"],
  ["joiner", (_, args, kwargs) => new Joiner(args[0] ?? kwargs.get("sep") ?? ", "), "type"],
  ["lipsum", lipsum, "function"],
  ["raise_exception", raiseException, "function"],
  ["strftime_now", strftimeNow, "function"]
]

export const GLOBALS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["dict", new DictType()],
  ...functions.map(([name, call, type]) => [name, new Func(name, call, type)] as const)
])
