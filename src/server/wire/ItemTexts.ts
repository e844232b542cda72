/** The texts of a list's items in a JSON text. JSON.parse would turn 1.0 into 1 and sort names that are numbers. Pure. */

const QUOTE = 34
const COMMA = 44
const OPEN_BRACKET = 91
const BACKSLASH = 92
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

/** One after the string that begins at `start`. */
const stringEnd = (json: string, start: number): number => {
  for (let at = json.indexOf('"', start + 1); at >= 0; at = json.indexOf('"', at + 1)) {
    let slashes = 0
    while (json.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return at + 1
  }
  return json.length
}

/** What commas part in the object or list that begins at `start`. */
const partsOf = (json: string, start: number) => {
  const parts: Array<string> = []
  let depth = 0
  let from = start + 1
  for (let at = start; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (code === QUOTE) at = stringEnd(json, at) - 1
    else if (code === OPEN_BRACKET || code === OPEN_BRACE) depth++
    else if ((code === COMMA && depth === 1) || ((code === CLOSE_BRACKET || code === CLOSE_BRACE) && --depth === 0)) {
      parts.push(json.slice(from, at).trim())
      from = at + 1
      if (depth === 0) break
    }
  }
  return parts.filter((part) => part !== "")
}

/** Of the list that the object has under the name, each item as it is written. `json` is the text of an object. */
export const itemTexts = (json: string, name: string): ReadonlyArray<string> => {
  const members = partsOf(json, json.indexOf("{")).map((member) => {
    const end = stringEnd(member, 0)
    return { name: JSON.parse(member.slice(0, end)), value: member.slice(member.indexOf(":", end) + 1) }
  })
  const list = members.findLast((member) => member.name === name)?.value ?? "[]"
  return partsOf(list, list.indexOf("["))
}
