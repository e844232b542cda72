/** Python's objects that a template can make: ranges, views of a dict, iterators, bytes. */
import { lookupError, typeError } from "./Failure.js"
import { equals, iterate } from "./Operations.js"
import { repr, reprStr } from "./Repr.js"
import { joined, raw, type Str } from "./Text.js"
import { type Dict, Float, Func, isInt, PyObject, type Runtime, Tuple, type Value } from "./Values.js"

/** Longest range that the sandbox allows. */
export const MAX_RANGE = 100_000

export class Range extends PyObject {
  readonly type = "range"
  readonly count: number

  constructor(
    readonly start: number,
    readonly stop: number,
    readonly step: number
  ) {
    super()
    this.count = Math.max(0, Math.ceil((stop - start) / step))
  }

  at(index: number): number {
    return this.start + index * this.step
  }

  *values(from = 0, to = this.count): Generator<Value> {
    for (let i = from; i < to; i++) yield this.at(i)
  }

  override iterate(): Iterator<Value> {
    return this.values()
  }

  override *reversed(): Generator<Value> {
    for (let i = this.count - 1; i >= 0; i--) yield this.at(i)
  }

  override length(): number {
    return this.count
  }

  #indexOf(value: Value, rt: Runtime): number {
    const n = typeof value === "boolean" ? Number(value) : value instanceof Float ? value.value : value
    if (typeof n !== "number") return [...this.values()].findIndex((item) => equals(item, value, rt))
    const index = (n - this.start) / this.step
    return Number.isInteger(index) && index >= 0 && index < this.count ? index : -1
  }

  override contains(value: Value, rt: Runtime): boolean {
    return this.#indexOf(value, rt) >= 0
  }

  override item(key: Value): Value | undefined {
    const index = typeof key === "boolean" ? Number(key) : key
    if (!isInt(index)) throw typeError("range indices must be integers or slices")
    const n = Number(index) < 0 ? Number(index) + this.count : Number(index)
    return n >= 0 && n < this.count ? this.at(n) : undefined
  }

  override attribute(name: string): Value | undefined {
    if (name === "start") return this.start
    if (name === "stop") return this.stop
    if (name === "step") return this.step
    if (name === "count") return new Func(name, (rt, [value = null]) => Number(this.contains(value, rt)))
    if (name !== "index") return undefined
    return new Func(name, (rt, [value = null]) => {
      const index = this.#indexOf(value, rt)
      if (index < 0) throw lookupError("value is not in range")
      return index
    })
  }

  override repr(): string {
    return this.step === 1 ? `range(${this.start}, ${this.stop})` : `range(${this.start}, ${this.stop}, ${this.step})`
  }
}

type ViewKind = "keys" | "values" | "items"

export class DictView extends PyObject {
  readonly type: string

  constructor(
    readonly dict: Dict,
    readonly kind: ViewKind
  ) {
    super()
    this.type = `dict_${kind}`
  }

  items(): ReadonlyArray<Value> {
    if (this.kind === "keys") return this.dict.keys()
    if (this.kind === "values") return this.dict.values()
    return Array.from(this.dict.entries(), (entry) => new Tuple(entry))
  }

  override iterate(): Iterator<Value> {
    return this.items().values()
  }

  override reversed(): Iterator<Value> {
    return this.items().toReversed().values()
  }

  override length(): number {
    return this.dict.size
  }

  override contains(value: Value): boolean | null {
    return this.kind === "keys" ? this.dict.has(value) : null
  }

  override attribute(name: string): Value | undefined {
    if (name === "mapping") return this.dict
    if (name !== "isdisjoint" || this.kind === "values") return undefined
    return new Func(name, (rt, [other = null]) => {
      for (const item of iterate(other, rt)) for (const own of this.items()) if (equals(own, item, rt)) return false
      return true
    })
  }

  override repr(rt: Runtime): Str {
    return joined([`${this.type}(`, repr(this.items(), rt), ")"])
  }
}

/** A generator or another iterator: its values can be had once. */
export class Iter extends PyObject {
  constructor(
    readonly values: Iterator<Value>,
    readonly type = "generator"
  ) {
    super()
  }

  override iterate(): Iterator<Value> {
    return this.values
  }

  override isTrue(): boolean {
    return true
  }
}

export class Bytes extends PyObject {
  readonly type = "bytes"

  constructor(readonly text: string) {
    super()
  }

  #bytes(): Uint8Array {
    return new TextEncoder().encode(this.text)
  }

  override iterate(): Iterator<Value> {
    return this.#bytes().values()
  }

  override length(): number {
    return this.#bytes().length
  }

  override item(key: Value): Value | undefined {
    return isInt(key) ? this.#bytes().at(Number(key)) : undefined
  }

  override attribute(name: string): Value | undefined {
    if (name === "decode") return new Func(name, () => this.text)
    if (name !== "hex") return undefined
    return new Func(name, () => Array.from(this.#bytes(), (byte) => byte.toString(16).padStart(2, "0")).join(""))
  }

  override repr(): string {
    const s = Array.from(this.#bytes(), (byte) =>
      byte > 0x7e
        ? `\\x${byte.toString(16)}`
        : raw(reprStr(String.fromCharCode(byte)))
            .slice(1, -1)
            .replace(/^"$/, '"')
    ).join("")
    return this.text.includes("'") && !this.text.includes('"') ? `b"${s}"` : `b'${s}'`
  }
}
