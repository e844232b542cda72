/** A JSON file of a checkpoint after somebody tried to read it. Pure. */

/**
 * A JSON file as far as it could be read: the three ways it can be wrong have their own reasons (spec 01 §6.3).
 * `Unreadable` covers I/O errors and files beyond the size limit; `Invalid` text that isn't JSON or is nested too deep.
 */
export type JsonFile =
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Unreadable"; readonly problem: string }
  | { readonly _tag: "Invalid"; readonly problem: string }
  | { readonly _tag: "Parsed"; readonly value: unknown }

export type JsonObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The object a file holds; null when it can't be read or holds something else. */
export const objectOf = (file: JsonFile): JsonObject | null =>
  file._tag === "Parsed" && isObject(file.value) ? file.value : null
