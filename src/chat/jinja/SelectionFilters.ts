/** `map`, `select` and their kin: filters that apply another filter or test, named by an argument, when they are iterated. */
import { stringArg } from "./Args.js"
import { runtimeError } from "./Failure.js"
import { attributeGetter, type Filter, type Getter } from "./FilterArgs.js"
import { Iter } from "./Objects.js"
import { isTrue, iterate } from "./Operations.js"
import type { Test } from "./Tests.js"
import type { Kwargs, Runtime, Value } from "./Values.js"

export interface ByName {
  readonly filter: (name: string) => Filter
  readonly test: (name: string) => Test
}

type Mapper = (rt: Runtime, args: ReadonlyArray<Value>, kwargs: Kwargs) => Getter

const mapper =
  (named: ByName): Mapper =>
  (rt, args, kwargs) => {
    const attribute = kwargs.get("attribute")
    if (args.length === 0 && attribute !== undefined) {
      const unexpected = [...kwargs.keys()].find((name) => name !== "attribute" && name !== "default")
      if (unexpected !== undefined) throw runtimeError(`Unexpected keyword argument '${unexpected}'`)
      return attributeGetter(attribute, rt, kwargs.get("default") ?? null)
    }
    const [name, ...rest] = args
    if (name === undefined) throw runtimeError("map requires a filter argument")
    return (item) => named.filter(stringArg(name))(rt, item, rest, kwargs)
  }

const selector =
  (named: ByName, wanted: boolean, byAttribute: boolean) =>
  (rt: Runtime, args: ReadonlyArray<Value>, kwargs: Kwargs): ((item: Value) => boolean) => {
    if (byAttribute && args.length === 0) throw runtimeError("Missing parameter for attribute name")
    const get: Getter = byAttribute ? attributeGetter(args[0] ?? null, rt) : (item) => item
    const [name, ...rest] = byAttribute ? args.slice(1) : args
    if (name === undefined) return (item) => isTrue(get(item), rt) === wanted
    return (item) => named.test(stringArg(name))(rt, get(item), rest, kwargs) === wanted
  }

function* mapped(value: Value, make: () => Getter, rt: Runtime): Generator<Value> {
  if (!isTrue(value, rt)) return
  const get = make()
  for (const item of iterate(value, rt)) yield get(item)
}

function* selected(value: Value, make: () => (item: Value) => boolean, rt: Runtime): Generator<Value> {
  if (!isTrue(value, rt)) return
  const keep = make()
  for (const item of iterate(value, rt)) if (keep(item)) yield item
}

export const selectionFilters = (named: ByName): Readonly<Record<string, Filter>> => {
  const selecting =
    (wanted: boolean, byAttribute: boolean): Filter =>
    (rt, value, args, kwargs) =>
      new Iter(selected(value, () => selector(named, wanted, byAttribute)(rt, args, kwargs), rt))
  return {
    map: (rt, value, args, kwargs) => new Iter(mapped(value, () => mapper(named)(rt, args, kwargs), rt)),
    reject: selecting(false, false),
    rejectattr: selecting(false, true),
    select: selecting(true, false),
    selectattr: selecting(true, true)
  }
}
