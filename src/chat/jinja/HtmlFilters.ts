/** Filters for HTML and URLs, which chat templates hardly use. */
import { index, pairsOf, stringArg } from "./Args.js"
import { runtimeError, valueError } from "./Failure.js"
import { type Filter, filter } from "./FilterArgs.js"
import { isTrue, iterate, iterator } from "./Operations.js"
import { escaped, str } from "./Repr.js"
import { SPACE } from "./Space.js"
import { asMarkup, changed, isMarkup, joined, raw, type Str, withoutMarkup } from "./Text.js"
import { urlized } from "./Urlize.js"
import { Dict, isStr, type Runtime, Undefined, type Value } from "./Values.js"

/** Bytes outside `safe` as %XX. */
const quoted = (value: Value, safe: RegExp, rt: Runtime): string => {
  const text = raw(str(value, rt))
  rt.spendChars(3 * text.length)
  return Array.from(new TextEncoder().encode(text), (byte) => {
    const c = String.fromCharCode(byte)
    return safe.test(c) ? c : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
  }).join("")
}
const IN_PATH = /[A-Za-z0-9_.~/-]/
const IN_QUERY = /[A-Za-z0-9_.~-]/

const urlencode = filter("", (value, _, rt) => {
  if (isStr(value) || iterator(value, rt) === null) return quoted(value, IN_PATH, rt)
  if (value instanceof Undefined) return ""
  const part = (item: Value) => quoted(item, IN_QUERY, rt).replaceAll("%20", "+")
  return pairsOf(value, rt)
    .map(([key, item]) => `${part(key)}=${part(item)}`)
    .join("&")
})

const xmlattr = filter("autospace", (value, [autospace = true], rt) => {
  if (value instanceof Undefined) return value.fail()
  if (!(value instanceof Dict)) throw runtimeError("xmlattr needs a mapping")
  const items: Array<Str> = []
  for (const [key, item] of value.entries()) {
    if (item === null || item instanceof Undefined) continue
    if (/[ \t\n\r\f\v/>=]/.test(stringArg(key))) throw valueError("Invalid character in attribute name")
    items.push(joined([items.length > 0 ? " " : "", escaped(key, rt), '="', escaped(item, rt), '"']))
  }
  const text = joined([isTrue(autospace, rt) && items.length > 0 ? " " : "", ...items])
  return rt.autoescape ? asMarkup(text) : text
})

const NAMED_ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\xa0"
}

/** The most common entities; Python knows all of HTML 5. */
const unescaped = (s: string): string =>
  s.replaceAll(/&(?:#x([\da-f]{1,6})|#(\d{1,7})|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return NAMED_ENTITIES[name] ?? whole
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd"
  })

const SPACES = new RegExp(`[${SPACE}]+`)

const withoutTags = (text: string): string => {
  let s = text
  for (const [open, close] of [
    ["<!--", "-->"],
    ["<", ">"]
  ] as const) {
    const parts: Array<string> = []
    let at = 0
    for (let start = s.indexOf(open); start >= 0; start = s.indexOf(open, at)) {
      const end = s.indexOf(close, start)
      if (end < 0) break
      parts.push(s.slice(at, start))
      at = end + close.length
    }
    s = parts.join("") + s.slice(at)
  }
  return unescaped(
    s
      .split(SPACES)
      .filter((word) => word !== "")
      .join(" ")
  )
}

const onWhole = (change: (s: string) => string): Filter =>
  filter("", (value, _, rt) => {
    const text = withoutMarkup(str(value, rt))
    rt.spendChars(4 * raw(text).length)
    return changed(text, change(raw(text)))
  })

const urlize = filter(
  "trim_url_limit nofollow target rel extra_schemes",
  (value, [limit = null, nofollow = false, target = null, rel = null, schemes = null], rt) => {
    const extra = schemes === null ? [] : Array.from(iterate(schemes, rt), (scheme) => stringArg(scheme))
    const wrong = extra.find((scheme) => !/^[\w.+-]{2,}:\/{0,2}$/.test(scheme))
    if (wrong !== undefined) throw runtimeError(`'${wrong}' is not a valid URI scheme prefix.`)
    const rels = new Set([
      ...(rel === null ? [] : stringArg(rel).split(/\s+/)),
      "noopener",
      ...(isTrue(nofollow, rt) ? ["nofollow"] : [])
    ])
    const text = escaped(value, rt)
    rt.spendChars(64 * raw(text).length)
    const result = changed(
      withoutMarkup(text),
      urlized(raw(text), {
        limit: limit === null ? null : index(limit),
        rel: [...rels]
          .filter((one) => one !== "")
          .sort()
          .join(" "),
        target: target === null ? null : stringArg(target),
        schemes: extra
      })
    )
    return rt.autoescape ? asMarkup(result) : result
  }
)

const escape = filter("", (value, _, rt) => escaped(value, rt))

export const HTML_FILTERS: Readonly<Record<string, Filter>> = {
  e: escape,
  escape,
  forceescape: filter("", (value, _, rt) => escaped(withoutMarkup(str(value, rt)), rt)),
  safe: filter("", (value, _, rt) => asMarkup(isStr(value) && isMarkup(value) ? value : str(value, rt))),
  striptags: onWhole(withoutTags),
  urlencode,
  urlize,
  xmlattr
}
