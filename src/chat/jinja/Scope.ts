/** Scopes while a template is compiled, and the variables of the functions it becomes when it runs. */

import type { Rendering } from "./Runtime.js"
import { Symbols } from "./Symbols.js"
import { Undefined, type Value } from "./Values.js"

/** A running function: the template itself, a macro, a block, a recursive loop. */
export class Activation {
  /** undefined where a variable has no value. */
  readonly vars: Array<Value | undefined> = []

  constructor(
    readonly rt: Rendering,
    readonly parent: Activation | null
  ) {}
}

/** A function to be: the places of its variables. Scopes beside each other share the places of equal names. */
export class FunctionScope {
  readonly slots = new Map<string, number>()
  /** Loops of this function around the statement that is compiled. */
  loops = 0

  constructor(readonly parent: FunctionScope | null) {}

  slot(ident: string): number {
    const slot = this.slots.get(ident) ?? this.slots.size
    this.slots.set(ident, slot)
    return slot
  }
}

/** A scope of names inside a function. */
export interface Frame {
  readonly symbols: Symbols
  readonly fn: FunctionScope
  readonly toplevel: boolean
  /** Inside a branch, where unknown filters and tests only fail when they are reached. */
  readonly soft: boolean
}

export const inner = (frame: Frame, fn = frame.fn): Frame => ({
  symbols: new Symbols(frame.symbols),
  fn,
  toplevel: false,
  soft: false
})

export type Read = (a: Activation) => Value | undefined
export type Write = (a: Activation, value: Value | undefined) => void

/** How many functions outwards a variable lives, and where. */
const place = (fn: FunctionScope, ident: string): readonly [number, number] => {
  let depth = 0
  for (let scope: FunctionScope | null = fn; scope !== null; scope = scope.parent) {
    const slot = scope.slots.get(ident)
    if (slot !== undefined) return [depth, slot]
    depth++
  }
  return [0, fn.slot(ident)]
}

const outwards = (a: Activation, depth: number): Activation => {
  let target = a
  for (let i = 0; i < depth; i++) target = target.parent ?? target
  return target
}

export const reader = (fn: FunctionScope, ident: string): Read => {
  const [depth, slot] = place(fn, ident)
  if (depth === 0) return (a) => a.vars[slot]
  if (depth === 1) return (a) => a.parent?.vars[slot]
  return (a) => outwards(a, depth).vars[slot]
}

export const writer = (fn: FunctionScope, ident: string): Write => {
  const [depth, slot] = place(fn, ident)
  return (a, value) => {
    outwards(a, depth).vars[slot] = value
  }
}

/** Gives the variables of a scope their first values. */
export const entering = ({ fn, symbols }: Frame): ((a: Activation) => void) => {
  const steps = Array.from(symbols.loads, ([ident, load]): ((a: Activation) => void) | null => {
    const slot = fn.slot(ident)
    if (load.t === "param") return null
    if (load.t === "resolve") {
      const { name } = load
      return (a) => {
        a.vars[slot] = a.rt.resolve(name)
      }
    }
    const read = load.t === "alias" ? reader(fn, load.ident) : () => undefined
    return (a) => {
      a.vars[slot] = read(a)
    }
  }).filter((step) => step !== null)
  return (a) => {
    for (const step of steps) step(a)
  }
}

/** Takes the values away again. */
export const leaving = ({ fn, symbols }: Frame): ((a: Activation) => void) => {
  const slots = Array.from(symbols.loads.keys(), (ident) => fn.slot(ident))
  return (a) => {
    for (const slot of slots) a.vars[slot] = undefined
  }
}

export const undefinedName = (name: string): Undefined => new Undefined(`'${name}' is undefined`)
