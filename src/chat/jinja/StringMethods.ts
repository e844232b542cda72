/** The methods of `str`. Positions and lengths count characters; results keep the origin of their parts. */
import { type Bound, binder, index, pairsOf, stringArg, textArg } from "./Args.js"
import { CHARACTER_TESTS, capitalized, swapped, titled } from "./Characters.js"
import { TemplateFailure, typeError, valueError } from "./Failure.js"
import { Bytes } from "./Objects.js"
import { iterate } from "./Operations.js"
import { padded, padding } from "./Padding.js"
import { escaped } from "./Repr.js"
import { splitLines, splitWords, splitWordsFromEnd, stripped } from "./Splitting.js"
import {
  changed,
  charsOf,
  isMarkup,
  isUnitwise,
  joined,
  lengthOf,
  mapped,
  raw,
  type Str,
  sliced,
  slicedChars
} from "./Text.js"
import { Dict, isInt, isStr, type Kwargs, type Runtime, Tuple, typeName, type Value } from "./Values.js"

export type StringMethod = (self: Str, rt: Runtime, args: ReadonlyArray<Value>, kwargs: Kwargs) => Value

const method = (signature: string, run: (self: Str, args: Bound, rt: Runtime) => Value): StringMethod => {
  const bind = binder(signature)
  return (self, rt, args, kwargs) => {
    const bound = bind("method", args, kwargs)
    rt.spendChars(raw(self).length)
    return run(self, bound, rt)
  }
}

const change = (f: (s: string) => string): StringMethod => method("", (self) => changed(self, f(raw(self))))

const optionalText = (value: Value | undefined): string | null =>
  value === undefined || value === null ? null : stringArg(value)

/** The part of the text that the arguments `start` and `end` name, and where it begins; null when they leave nothing. */
const windowOf = (self: Str, start: Value | undefined, end: Value | undefined) => {
  const length = lengthOf(raw(self))
  const clamp = (value: Value) => {
    const at = index(value)
    return at < 0 ? Math.max(0, at + length) : at
  }
  const from = start === undefined || start === null ? 0 : clamp(start)
  const to = Math.min(length, end === undefined || end === null ? length : clamp(end))
  return from > to ? null : { from, s: from === 0 && to === length ? raw(self) : raw(slicedChars(self, from, to)) }
}

type Find = (s: string, part: string) => number

const finder = (find: Find, fail: boolean) =>
  method("/!sub /start /end", (self, [sub, start, end]) => {
    const part = stringArg(sub)
    const window = windowOf(self, start, end)
    const at = window === null ? -1 : find(window.s, part)
    if (window !== null && at >= 0) return window.from + (isUnitwise(window.s) ? at : lengthOf(window.s.slice(0, at)))
    if (fail) throw valueError("substring not found")
    return -1
  })

const first: Find = (s, part) => s.indexOf(part)
const last: Find = (s, part) => s.lastIndexOf(part)

const counted = (s: string, part: string): number => (part === "" ? lengthOf(s) + 1 : s.split(part).length - 1)

const affix = (test: (s: string, part: string) => boolean) =>
  method("/!prefix /start /end", (self, [prefix = null, start, end]) => {
    const parts = prefix instanceof Tuple ? prefix.items : [prefix]
    if (!parts.every(isStr)) throw typeError("first arg must be str or a tuple of str")
    const window = windowOf(self, start, end)
    return window !== null && parts.some((part) => test(window.s, raw(part)))
  })

const strip = (left: boolean, right: boolean) =>
  method("/chars", (self, [chars]) => stripped(self, optionalText(chars), left, right))

/** How often to split at most; -1 is always. */
const limitOf = (value: Value | undefined): number => {
  const n = value === undefined ? -1 : index(value)
  return n < 0 ? Number.POSITIVE_INFINITY : n
}

const separator = (value: Value | undefined): string | null => {
  const text = optionalText(value)
  if (text === "") throw valueError("empty separator")
  return text
}

const split = method("sep maxsplit", (self, [sep, maxsplit], rt) => {
  const by = separator(sep)
  const limit = limitOf(maxsplit)
  if (by === null) return splitWords(self, limit)
  const parts: Array<Str> = []
  let at = 0
  const s = raw(self)
  for (let next = s.indexOf(by); next >= 0 && parts.length < limit; next = s.indexOf(by, at)) {
    parts.push(sliced(self, at, next))
    at = next + by.length
    rt.spend(1)
  }
  return [...parts, sliced(self, at)]
})

const rsplit = method("sep maxsplit", (self, [sep, maxsplit], rt) => {
  const by = separator(sep)
  const limit = limitOf(maxsplit)
  if (by === null) return splitWordsFromEnd(self, limit)
  const parts: Array<Str> = []
  const s = raw(self)
  let end = s.length
  while (parts.length < limit) {
    const at = end < by.length ? -1 : s.lastIndexOf(by, end - by.length)
    if (at < 0) break
    parts.push(sliced(self, at + by.length, end))
    end = at
    rt.spend(1)
  }
  return [...parts, sliced(self, 0, end)].reverse()
})

const partition = (find: Find, missing: (self: Str) => ReadonlyArray<Value>) =>
  method("/!sep", (self, [sep]) => {
    const by = stringArg(sep)
    if (by === "") throw valueError("empty separator")
    const at = find(raw(self), by)
    if (at < 0) return new Tuple(missing(self))
    return new Tuple([sliced(self, 0, at), sliced(self, at, at + by.length), sliced(self, at + by.length)])
  })

/** `text` with the first `limit` occurrences of `old` replaced. An empty `old` stands between all characters. */
export const replaced = (self: Str, old: string, by: Str, limit: number, rt: Runtime): Str => {
  const s = raw(self)
  const parts: Array<Str> = []
  let count = 0
  const put = (part: Str) => {
    parts.push(part, by)
    count++
    rt.spendChars(raw(by).length)
  }
  if (old === "") {
    const chars = charsOf(self)
    if (limit > 0) put("")
    for (const [i, char] of chars.entries()) {
      if (count >= limit) return joined([...parts, ...chars.slice(i)], isMarkup(self))
      put(char)
    }
    return joined(parts, isMarkup(self))
  }
  let at = 0
  for (let next = s.indexOf(old); next >= 0 && count < limit; next = s.indexOf(old, at)) {
    put(sliced(self, at, next))
    at = next + old.length
  }
  return parts.length === 0 ? self : joined([...parts, sliced(self, at)], isMarkup(self))
}

const pad = (where: "left" | "right" | "both") =>
  method("/!width /fillchar", (self, [width = null, fill = " "], rt) => {
    if (lengthOf(stringArg(fill)) !== 1) throw typeError("The fill character must be exactly one character long")
    return padded(self, index(width), textArg(fill), where, rt)
  })

const zfill = method("/!width", (self, [width = null], rt) => {
  const signs = /^[+-]/.test(raw(self)) ? 1 : 0
  const missing = index(width) - lengthOf(raw(self))
  return joined([sliced(self, 0, signs), padding(rt, missing, "0"), sliced(self, signs)], isMarkup(self))
})

const expandTabs = method("tabsize", (self, [tabsize = 8], rt) => {
  let column = 0
  const size = index(tabsize)
  const expand = (char: Str): Str => {
    const c = raw(char)
    if (c !== "\t") {
      column = c === "\n" || c === "\r" ? 0 : column + 1
      return char
    }
    const width = size > 0 ? size - (column % size) : 0
    column += width
    rt.spendChars(width)
    return " ".repeat(width)
  }
  return joined(charsOf(self).map(expand), isMarkup(self))
})

/** `separator.join(values)`. */
export const joinAll = (separator: Str, values: Iterable<Value>, rt: Runtime): Str => {
  const parts: Array<Str> = []
  for (const value of values) {
    if (!isStr(value)) throw typeError(`sequence item: expected str instance, ${typeName(value)} found`)
    rt.spendChars(raw(value).length + raw(separator).length)
    if (parts.length > 0) parts.push(separator)
    parts.push(isMarkup(separator) ? escaped(value, rt) : value)
  }
  return joined(parts, isMarkup(separator))
}

const maketrans = method("/!x /y /z", (_, [x = null, y, z], rt) => {
  const code = (key: Value): Value => (isStr(key) ? (raw(key).codePointAt(0) ?? 0) : key)
  if (y === undefined) return Dict.of(pairsOf(x, rt).map(([key, value]) => [code(key), value] as const))
  const to = charsOf(textArg(y))
  const from = charsOf(textArg(x))
  if (from.length !== to.length) throw valueError("the first two maketrans arguments must have equal length")
  const removed = z === undefined ? [] : charsOf(textArg(z)).map((c) => [code(c), null] as const)
  return Dict.of([...from.map((c, i) => [code(c), code(to[i] ?? "")] as const), ...removed])
})

const translate = method("/!table", (self, [table = null], rt) => {
  if (!(table instanceof Dict)) throw typeError("the table is not a dict")
  const one = (char: Str): Str => {
    rt.spend(1)
    const found = table.get(raw(char).codePointAt(0) ?? 0)
    if (found === undefined) return char
    if (found === null) return ""
    return isInt(found) ? String.fromCodePoint(Number(found)) : textArg(found)
  }
  return joined(charsOf(self).map(one), isMarkup(self))
})

const tests = Object.fromEntries(
  Object.entries(CHARACTER_TESTS).map(([name, test]): [string, StringMethod] => [
    name,
    method("", (self) => test(raw(self)))
  ])
)

export const STRING_METHODS: Readonly<Record<string, StringMethod>> = {
  ...tests,
  capitalize: change(capitalized),
  casefold: method("", (self) =>
    mapped(self, (s) => s.replaceAll("ẞ", "ss").toUpperCase().toLowerCase().replaceAll("ς", "σ"))
  ),
  center: pad("both"),
  count: method("/!sub /start /end", (self, [sub, start, end]) => {
    const window = windowOf(self, start, end)
    return window === null ? 0 : counted(window.s, stringArg(sub))
  }),
  encode: method("encoding errors", (self, [encoding = "utf-8"]) => {
    if (/^utf[-_]?8$/i.test(stringArg(encoding))) return new Bytes(raw(self))
    throw new TemplateFailure("runtime", "only utf-8 is known", undefined, "LookupError")
  }),
  endswith: affix((s, part) => s.endsWith(part)),
  expandtabs: expandTabs,
  find: finder(first, false),
  index: finder(first, true),
  join: method("/!iterable", (self, [values = null], rt) => joinAll(self, iterate(values, rt), rt)),
  ljust: pad("right"),
  lower: change((s) => s.toLowerCase()),
  lstrip: strip(true, false),
  maketrans,
  partition: partition(first, (self) => [self, "", ""]),
  removeprefix: method("/!prefix", (self, [prefix]) => {
    const part = stringArg(prefix)
    return raw(self).startsWith(part) ? sliced(self, part.length) : self
  }),
  removesuffix: method("/!suffix", (self, [suffix]) => {
    const part = stringArg(suffix)
    return part !== "" && raw(self).endsWith(part) ? sliced(self, 0, raw(self).length - part.length) : self
  }),
  replace: method("/!old /!new /count", (self, [old, by, count], rt) =>
    replaced(self, stringArg(old), isMarkup(self) ? escaped(by ?? null, rt) : textArg(by), limitOf(count), rt)
  ),
  rfind: finder(last, false),
  rindex: finder(last, true),
  rjust: pad("left"),
  rpartition: partition(last, (self) => ["", "", self]),
  rsplit,
  rstrip: strip(false, true),
  split,
  splitlines: method("keepends", (self, [keepends = false], rt) => {
    rt.spend(raw(self).length / 8)
    return splitLines(self, keepends !== false && keepends !== 0)
  }),
  startswith: affix((s, part) => s.startsWith(part)),
  strip: strip(true, true),
  swapcase: change(swapped),
  title: change(titled),
  translate,
  upper: change((s) => s.toUpperCase()),
  zfill
}
