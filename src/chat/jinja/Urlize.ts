/** Links for the addresses in an escaped text, by the rules of Jinja2's `urlize`. */

export interface UrlizeOptions {
  readonly limit: number | null
  readonly rel: string
  readonly target: string | null
  readonly schemes: ReadonlyArray<string>
}

const HTTP =
  /^((https?:\/\/|www\.)(([\w%-]+\.)+)?([a-z]{2,63}|xn--[\w%]{2,59})|([\w%-]{2,63}\.)+(com|net|int|edu|gov|org|info|mil)|(https?:\/\/)((\d{1,3}(\.\d{1,3}){3})|(\[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}\])))(?::\d{1,5})?(?:[/?#]\S*)?$/i
const EMAIL = /^\S+@\w[\w.-]*\.\w+$/
const PAIRS = [
  ["(", ")"],
  ["<", ">"],
  ["&lt;", "&gt;"]
] as const

const countOf = (s: string, part: string): number => s.split(part).length - 1

const linked = (middle: string, { limit, rel, schemes, target }: UrlizeOptions): string => {
  const attributes = `${rel === "" ? "" : ` rel="${rel}"`}${target === null ? "" : ` target="${target}"`}`
  const shown = limit !== null && middle.length > limit ? `${middle.slice(0, limit)}...` : middle
  if (HTTP.test(middle)) {
    const href = /^https?:\/\//.test(middle) ? middle : `https://${middle}`
    return `<a href="${href}"${attributes}>${shown}</a>`
  }
  if (middle.startsWith("mailto:") && EMAIL.test(middle.slice(7))) return `<a href="${middle}">${middle.slice(7)}</a>`
  if (middle.includes("@") && !/^(www\.|@)/.test(middle) && !middle.includes(":") && EMAIL.test(middle)) {
    return `<a href="mailto:${middle}">${middle}</a>`
  }
  const scheme = schemes.find((one) => middle !== one && middle.startsWith(one))
  return scheme === undefined ? middle : `<a href="${middle}"${attributes}>${middle}</a>`
}

const word = (text: string, options: UrlizeOptions): string => {
  const head = /^(?:[(<]|&lt;)+/.exec(text)?.[0] ?? ""
  let middle = text.slice(head.length)
  let tail = /(?:[)>.,\n]|&gt;)+$/.exec(middle)?.[0] ?? ""
  middle = middle.slice(0, middle.length - tail.length)
  for (const [open, close] of PAIRS) {
    const opened = countOf(middle, open)
    if (opened <= countOf(middle, close)) continue
    for (let left = Math.min(opened, countOf(tail, close)); left > 0; left--) {
      const end = tail.indexOf(close) + close.length
      middle += tail.slice(0, end)
      tail = tail.slice(end)
    }
  }
  return head + linked(middle, options) + tail
}

export const urlized = (escaped: string, options: UrlizeOptions): string =>
  escaped
    .split(/(\s+)/)
    .map((part) => word(part, options))
    .join("")
