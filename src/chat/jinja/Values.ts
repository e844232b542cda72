/** Python's values, as far as a template can meet them. Integers are numbers while those hold them exactly, then bigints. */
import { type FailureKind, TemplateFailure } from "./Failure.js"
import { type Str, Text } from "./Text.js"

export type Int = number | bigint

export type Value = null | boolean | Int | Float | Str | ReadonlyArray<Value> | Tuple | Dict | Undefined | PyObject

export class Float {
  constructor(readonly value: number) {}
}

export class Tuple {
  constructor(
    readonly items: ReadonlyArray<Value>,
    /** Attributes of a named tuple. */
    readonly names: ReadonlyArray<string> = []
  ) {}
}

/** What a rendering has at hand, and what it may spend. The budget makes it end, by counting and not by the clock. */
export interface Runtime {
  /** The line that is evaluated. */
  line: number | null
  autoescape: boolean
  readonly now: () => Date
  /** Takes from the budget; throws when it is used up. */
  readonly spend: (units: number) => void
  /** For `count` characters that are about to be made. */
  readonly spendChars: (count: number) => void
  readonly resolve: (name: string) => Value | undefined
  /** The result of `run`, one call deeper; the caller's line counts again afterwards. */
  readonly nested: <A>(run: () => A) => A
}

type Key = null | boolean | number | bigint | string

/** One key for all values that Python takes for equal. */
export const hashKey = (value: Value): Key => {
  if (typeof value === "string") return value.startsWith("\0") ? `\0s${value}` : value
  if (value instanceof Text) return hashKey(value.s)
  if (typeof value === "boolean") return Number(value)
  if (value === null || typeof value === "number" || typeof value === "bigint") return value
  if (value instanceof Float) {
    if (Number.isSafeInteger(value.value)) return value.value + 0
    return Number.isInteger(value.value) ? BigInt(value.value) : `\0f${value.value}`
  }
  if (value instanceof Tuple) {
    return `\0t${JSON.stringify(
      value.items.map((item) => {
        const key = hashKey(item)
        return [typeof key, String(key)]
      })
    )}`
  }
  if (value instanceof Undefined) return "\0u"
  if (value instanceof PyObject) return `\0o${value.identity}`
  throw new TemplateFailure("runtime", `unhashable type: '${typeName(value)}'`, undefined, "TypeError")
}

/** A dict: keeps the order of insertion, and the first of equal keys. */
export class Dict {
  readonly #entries = new Map<Key, readonly [Value, Value]>()

  static of(entries: Iterable<readonly [Value, Value]>): Dict {
    const dict = new Dict()
    for (const [key, value] of entries) dict.set(key, value)
    return dict
  }

  /** Only while the dict is made: templates can't change one. */
  set(key: Value, value: Value): void {
    const hash = hashKey(key)
    this.#entries.set(hash, [this.#entries.get(hash)?.[0] ?? key, value])
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(hashKey(key))?.[1]
  }

  getName(name: string): Value | undefined {
    return this.#entries.get(name)?.[1]
  }

  has(key: Value): boolean {
    return this.#entries.has(hashKey(key))
  }

  get size(): number {
    return this.#entries.size
  }

  entries(): Iterable<readonly [Value, Value]> {
    return this.#entries.values()
  }

  keys(): ReadonlyArray<Value> {
    return Array.from(this.#entries.values(), ([key]) => key)
  }

  values(): ReadonlyArray<Value> {
    return Array.from(this.#entries.values(), ([, value]) => value)
  }
}

/** What stands for a name or an attribute that isn't there: prints nothing, and fails when it is used. */
export class Undefined {
  constructor(
    readonly hint: string,
    readonly kind: FailureKind = "undefined"
  ) {}

  fail(): never {
    throw new TemplateFailure(this.kind, this.hint)
  }
}

export type Kwargs = ReadonlyMap<string, Value>
export const NO_KWARGS: Kwargs = new Map()

let objects = 0

/** Anything else: functions, views, iterators, namespaces. */
export abstract class PyObject {
  readonly identity = objects++
  abstract readonly type: string

  /** Public attributes. */
  attribute(_name: string, _rt: Runtime): Value | undefined {
    return undefined
  }
  item(_key: Value, _rt: Runtime): Value | undefined {
    return undefined
  }
  /** Null when it can't be iterated. */
  iterate(_rt: Runtime): Iterator<Value> | null {
    return null
  }
  length(_rt: Runtime): number | null {
    return null
  }
  /** Null where Python has no `__contains__` of its own. */
  contains(_value: Value, _rt: Runtime): boolean | null {
    return null
  }
  reversed(_rt: Runtime): Iterator<Value> | null {
    return null
  }
  isTrue(rt: Runtime): boolean {
    const length = this.length(rt)
    return length === null || length > 0
  }
  readonly callable: boolean = false
  call(_rt: Runtime, _args: ReadonlyArray<Value>, _kwargs: Kwargs): Value {
    throw new TemplateFailure("runtime", `'${this.type}' object is not callable`, undefined, "TypeError")
  }
  repr(_rt: Runtime): Str {
    return `<${this.type} object>`
  }
}

export type Call = (rt: Runtime, args: ReadonlyArray<Value>, kwargs: Kwargs) => Value

export class Func extends PyObject {
  readonly type: string
  override readonly callable = true

  constructor(
    readonly name: string,
    readonly run: Call,
    type = "builtin_function_or_method"
  ) {
    super()
    this.type = type
  }

  override call(rt: Runtime, args: ReadonlyArray<Value>, kwargs: Kwargs): Value {
    return this.run(rt, args, kwargs)
  }

  override repr(): string {
    return `<built-in method ${this.name}>`
  }
}

export const isStr = (value: unknown): value is Str => typeof value === "string" || value instanceof Text
export const isInt = (value: unknown): value is Int => typeof value === "number" || typeof value === "bigint"
export const isList = (value: unknown): value is ReadonlyArray<Value> => Array.isArray(value)

export const typeName = (value: Value): string => {
  if (value === null) return "NoneType"
  if (typeof value === "boolean") return "bool"
  if (isInt(value)) return "int"
  if (isStr(value)) return value instanceof Text && value.markup ? "Markup" : "str"
  if (isList(value)) return "list"
  if (value instanceof Float) return "float"
  if (value instanceof Tuple) return value.names.length > 0 ? "_GroupTuple" : "tuple"
  if (value instanceof Dict) return "dict"
  return value instanceof Undefined ? "Undefined" : value.type
}
