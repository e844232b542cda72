/** Bytes of a JSON file -> its value, without trusting them. Pure. */
import { Either } from "effect"
import { MAX_JSON_DEPTH, parseJson } from "../domain/Json.js"
import type { JsonFile } from "../domain/JsonFile.js"

/** Strict, and a byte-order mark is content: both as in Python, which wrote these files (spec 01 §0.1(5)). */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const decode = (bytes: Uint8Array): Either.Either<string, string> =>
  Either.try({ try: () => utf8.decode(bytes), catch: () => "not valid UTF-8" })

/** Never throws: text that isn't UTF-8 or JSON, or is nested too deep, is `Invalid` with the reason. */
export const jsonFile = (bytes: Uint8Array): JsonFile =>
  decode(bytes).pipe(
    Either.flatMap((text) => parseJson(text, { maxDepth: MAX_JSON_DEPTH })),
    Either.match({
      onLeft: (problem): JsonFile => ({ _tag: "Invalid", problem }),
      onRight: (value): JsonFile => ({ _tag: "Parsed", value })
    })
  )
