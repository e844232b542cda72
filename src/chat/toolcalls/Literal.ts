/** Values in the text of a tool call. Numbers stay texts: JavaScript's own would change long ones. Pure. */

/** `json`: as it was written, where that is JSON. */
export type Literal =
  | { readonly kind: "object"; readonly entries: ReadonlyMap<string, Literal>; readonly json?: string }
  | { readonly kind: "array"; readonly items: ReadonlyArray<Literal>; readonly json?: string }
  | { readonly kind: "string"; readonly text: string }
  /** A number, true, false or null, as JSON writes it. */
  | { readonly kind: "atom"; readonly json: string }

/** JSON of a value: its own text if it has one, so that nothing is changed by reading it. */
export const toJson = (value: Literal): string => {
  if ((value.kind === "object" || value.kind === "array") && value.json !== undefined) return value.json
  switch (value.kind) {
    case "object":
      return `{${[...value.entries].map(([key, entry]) => `${JSON.stringify(key)}:${toJson(entry)}`).join(",")}}`
    case "array":
      return `[${value.items.map(toJson).join(",")}]`
    case "string":
      return JSON.stringify(value.text)
    case "atom":
      return value.json
  }
}

export const text = (value: string): Literal => ({ kind: "string", text: value })
export const atom = (json: string): Literal => ({ kind: "atom", json })

/** Deeper values are refused: no call has them, and they would exhaust the stack. */
export const MAX_DEPTH = 200

/** A value that was read, and where the text goes on. */
export interface Read<A> {
  readonly value: A
  readonly end: number
}
