/** What filters share: their shape, and the look-up of attributes by a path. */

import { getitem } from "./Access.js"
import { type Bound, binder } from "./Args.js"
import { raw } from "./Text.js"
import { isStr, type Kwargs, type Runtime, Undefined, type Value } from "./Values.js"

export type Filter = (rt: Runtime, value: Value, args: ReadonlyArray<Value>, kwargs: Kwargs) => Value

/** A filter whose arguments are bound by the signature; see `binder`. */
export const filter = (signature: string, run: (value: Value, args: Bound, rt: Runtime) => Value): Filter => {
  const bind = binder(signature)
  return (rt, value, args, kwargs) => run(value, bind("filter", args, kwargs), rt)
}

export type Getter = (item: Value) => Value

/** A path such as `address.city.0`: what consists of digits is an index. */
const pathOf = (attribute: Value): ReadonlyArray<Value> => {
  if (attribute === null) return []
  if (!isStr(attribute)) return [attribute]
  return raw(attribute)
    .split(".")
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part))
}

/** Follows `attribute` (none: the item itself); a step that leads nowhere gives `fallback`. */
export const attributeGetter = (attribute: Value, rt: Runtime, fallback: Value = null): Getter => {
  const path = pathOf(attribute)
  return (item) => {
    let value = item
    for (const part of path) {
      value = getitem(value, part, rt)
      if (fallback !== null && value instanceof Undefined) value = fallback
    }
    return value
  }
}

/** What values are compared by where case doesn't count. */
export const folded = (value: Value): Value => (isStr(value) ? raw(value).toLowerCase() : value)

/** Values of the paths in `attribute`, which commas separate. */
export const multiGetter = (attribute: Value, caseSensitive: boolean, rt: Runtime): Getter => {
  const attributes = isStr(attribute) ? raw(attribute).split(",") : [attribute]
  const getters = attributes.map((one) => attributeGetter(one, rt))
  return (item) => getters.map((get) => (caseSensitive ? get(item) : folded(get(item))))
}
