/** Bytes of a text or JSON file -> its content, without trusting them. Pure. */
import { Either } from "effect"
import { MAX_JSON_DEPTH, parseJson } from "./Json.js"
import type { JsonFile } from "./JsonFile.js"

/** Strict, and a byte-order mark is content: both as in Python, which wrote these files (spec 01 §0.1(5)). */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The text of a file; Left: why it has none, one clause. */
export const fileText = (bytes: Uint8Array): Either.Either<string, string> =>
  Either.try({ try: () => utf8.decode(bytes), catch: () => "not valid UTF-8" })

/** The value of a JSON file; Left: text that isn't UTF-8 or JSON, or is nested too deep. */
export const jsonValue = (bytes: Uint8Array): Either.Either<unknown, string> =>
  Either.flatMap(fileText(bytes), (text) => parseJson(text, { maxDepth: MAX_JSON_DEPTH }))

/** The same as one of the cases of a file. */
export const jsonFile = (bytes: Uint8Array): JsonFile =>
  Either.match(jsonValue(bytes), {
    onLeft: (problem): JsonFile => ({ _tag: "Invalid", problem }),
    onRight: (value): JsonFile => ({ _tag: "Parsed", value })
  })
