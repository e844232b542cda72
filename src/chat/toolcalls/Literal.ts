/** Values in the text of a tool call. Numbers stay texts: JavaScript's own would change long ones. Pure. */

export type Literal =
  | { readonly kind: "object"; readonly entries: ReadonlyMap<string, Literal> }
  | { readonly kind: "array"; readonly items: ReadonlyArray<Literal> }
  | { readonly kind: "string"; readonly text: string }
  /** A number, true, false or null, as JSON writes it. */
  | { readonly kind: "atom"; readonly json: string }

export const toJson = (value: Literal): string => {
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
