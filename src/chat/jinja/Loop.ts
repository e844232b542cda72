/** The `loop` of a loop. */
import { typeError } from "./Failure.js"
import { equals, iterator, length } from "./Operations.js"
import type { Str } from "./Text.js"
import { Func, PyObject, type Runtime, Tuple, typeName, Undefined, type Value } from "./Values.js"

/** Renders the body of a recursive loop for other values. */
export type Recurse = (values: Value, depth: number) => Value

/** Whether Python's `len` works, so that nothing has to be read ahead. */
const sizeOf = (value: Value, rt: Runtime): number | null =>
  value instanceof PyObject ? value.length(rt) : length(value, rt)

export class LoopContext extends PyObject {
  readonly type = "LoopContext"
  override readonly callable = true
  #index = -1
  #values: Iterator<Value>
  #length: number | null = null
  #before: Value | undefined
  #current: Value | undefined
  #after: Value | undefined
  #lastChanged: Value | undefined

  constructor(
    readonly iterable: Value,
    readonly depth0: number,
    readonly recurse: Recurse | null,
    rt: Runtime
  ) {
    super()
    const values = iterator(iterable, rt)
    if (values === null) throw typeError(`'${typeName(iterable)}' object is not iterable`)
    this.#values = values
  }

  /** The next item; undefined at the end. */
  advance(): Value | undefined {
    const next = this.#peek()
    if (next === undefined) return undefined
    this.#after = undefined
    this.#index++
    this.#before = this.#current
    this.#current = next
    return next
  }

  #peek(): Value | undefined {
    if (this.#after !== undefined) return this.#after
    const { done, value } = this.#values.next()
    this.#after = done === true ? undefined : value
    return this.#after
  }

  override length(rt: Runtime): number {
    if (this.#length !== null) return this.#length
    const size = sizeOf(this.iterable, rt)
    if (size !== null) {
      this.#length = size
      return size
    }
    const rest: Array<Value> = []
    for (let next = this.#values.next(); next.done !== true; next = this.#values.next()) {
      rt.spend(1)
      rest.push(next.value)
    }
    this.#values = rest.values()
    this.#length = rest.length + this.#index + 1 + (this.#after === undefined ? 0 : 1)
    return this.#length
  }

  #cycle = new Func("cycle", (_, args) => {
    if (args.length === 0) throw typeError("no items for cycling given")
    return args[this.#index % args.length] ?? null
  })

  #changed = new Func("changed", (rt, args) => {
    const value = new Tuple(args)
    const changed = this.#lastChanged === undefined || !equals(this.#lastChanged, value, rt)
    this.#lastChanged = value
    return changed
  })

  override attribute(name: string, rt: Runtime): Value | undefined {
    switch (name) {
      case "index":
        return this.#index + 1
      case "index0":
        return this.#index
      case "first":
        return this.#index === 0
      case "last":
        return this.#peek() === undefined
      case "length":
        return this.length(rt)
      case "revindex":
        return this.length(rt) - this.#index
      case "revindex0":
        return this.length(rt) - this.#index - 1
      case "depth":
        return this.depth0 + 1
      case "depth0":
        return this.depth0
      case "previtem":
        return this.#index === 0 ? new Undefined("there is no previous item") : (this.#before ?? null)
      case "nextitem":
        return this.#peek() ?? (this.#after === null ? null : new Undefined("there is no next item"))
      case "cycle":
        return this.#cycle
      case "changed":
        return this.#changed
      default:
        return undefined
    }
  }

  override iterate(): Iterator<Value> {
    const next = (): IteratorResult<Value> => {
      const value = this.advance()
      return value === undefined ? { done: true, value: null } : { done: false, value: new Tuple([value, this]) }
    }
    return { next }
  }

  override call(_rt: Runtime, args: ReadonlyArray<Value>): Value {
    if (this.recurse === null) throw typeError("The loop must have the 'recursive' marker to be called recursively.")
    if (args.length !== 1) throw typeError("loop() takes one argument")
    return this.recurse(args[0] ?? null, this.depth0 + 1)
  }

  override repr(rt: Runtime): Str {
    return `<LoopContext ${this.#index + 1}/${this.length(rt)}>`
  }
}
