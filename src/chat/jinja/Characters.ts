/** Python's classes of characters and its case mappings, by the Unicode data of the JavaScript engine. */
import { SPACE } from "./Space.js"

const all = (pattern: RegExp) => (s: string) => pattern.test(s)

/** Cased characters of one case only, and at least one. */
const cased = (wanted: RegExp, unwanted: RegExp) => (s: string) => wanted.test(s) && !unwanted.test(s)

const UPPER = /\p{Uppercase}/u
const LOWER = /\p{Lowercase}/u
const TITLE = /\p{Lt}/u

const isTitled = (s: string): boolean => {
  let inWord = false
  let any = false
  for (const c of s) {
    const upper = UPPER.test(c) || TITLE.test(c)
    const lower = !upper && LOWER.test(c)
    if ((upper && inWord) || (lower && !inWord)) return false
    inWord = upper || lower
    any ||= inWord
  }
  return any
}

export const CHARACTER_TESTS: Readonly<Record<string, (s: string) => boolean>> = {
  isalnum: all(/^[\p{L}\p{Nd}\p{No}\p{Nl}\u3007]+$/u),
  isalpha: all(/^\p{L}+$/u),
  isascii: all(/^[\0-\x7f]*$/),
  isdecimal: all(/^\p{Nd}+$/u),
  isdigit: all(
    /^[\p{Nd}\xb2\xb3\xb9\u1369-\u1371\u19da\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}]+$/u
  ),
  isidentifier: all(/^[\p{XID_Start}_]\p{XID_Continue}*$/u),
  islower: cased(LOWER, /[\p{Uppercase}\p{Lt}]/u),
  isnumeric: all(
    /^[\p{N}\u3405\u3483\u382a\u3b4d\u4e00\u4e03\u4e07\u4e09\u4e24\u4e5d\u4e8c\u4e94\u4e96\u4ebf-\u4ec0\u4edf\u4ee8\u4f0d\u4f70\u5104\u5146\u5169\u516b\u516d\u5341-\u5345\u534c\u53c1-\u53c4\u56db\u58f1\u58f9\u5e7a\u5efe-\u5eff\u5f0c-\u5f0e\u5f10\u62fe\u634c\u67d2\u6f06\u7396\u767e\u8086\u842c\u8cae\u8cb3\u8d30\u9621\u9646\u964c\u9678\u96f6]+$/u
  ),
  isprintable: (s) => !/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(s),
  isspace: all(new RegExp(`^[${SPACE}]+$`)),
  istitle: isTitled,
  isupper: cased(UPPER, /[\p{Lowercase}\p{Lt}]/u)
}

const CASED = /[\p{Uppercase}\p{Lowercase}\p{Lt}]/u
/** Characters that have a title case of their own. */
const TITLES: Readonly<Record<string, string>> = { Ǆ: "ǅ", ǆ: "ǅ", Ǉ: "ǈ", ǉ: "ǈ", Ǌ: "ǋ", ǌ: "ǋ", Ǳ: "ǲ", ǳ: "ǲ" }

const titleChar = (c: string): string => {
  const own = TITLES[c]
  if (own !== undefined || TITLE.test(c)) return own ?? c
  const [head = "", ...rest] = c.toUpperCase()
  return head + rest.join("").toLowerCase()
}

export const capitalized = (s: string): string => {
  const [first = ""] = s
  return titleChar(first) + `${first}${s.slice(first.length)}`.toLowerCase().slice(first.toLowerCase().length)
}

/** Every run of cased characters begins with a capital. */
export const titled = (s: string): string => {
  let result = ""
  let inWord = false
  for (const c of s) {
    result += inWord ? c.toLowerCase() : titleChar(c)
    inWord = CASED.test(c)
  }
  return result
}

export const swapped = (s: string): string =>
  Array.from(s, (c) => (UPPER.test(c) ? c.toLowerCase() : LOWER.test(c) ? c.toUpperCase() : c)).join("")
