/** Bytes of a request body -> plain data, with everything refused that is not clean JSON (spec 03 §0.1(5)). Pure. */
import { Either } from "effect"
import { InvalidRequest } from "../../domain/Errors.js"
import { parseJson } from "../../domain/Json.js"

/** Deepest nesting of a request. A tool's JSON schema needs about 20. */
export const MAX_BODY_DEPTH = 128

const refuse = (problem: string) => Either.left(new InvalidRequest({ param: null, problem }))

const text = (bytes: Uint8Array): Either.Either<string, InvalidRequest> => {
  try {
    return Either.right(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch {
    return refuse("the body is not valid UTF-8")
  }
}

const LONE_SURROGATE = /\p{Surrogate}/u

const flaw = (value: unknown): string | null => {
  if (typeof value === "number") return Number.isFinite(value) ? null : "a number is out of range"
  if (typeof value === "string") return LONE_SURROGATE.test(value) ? "a string has a lone surrogate" : null
  if (typeof value !== "object" || value === null) return null
  for (const [key, item] of Object.entries(value)) {
    const problem = flaw(key) ?? flaw(item)
    if (problem !== null) return problem
  }
  return null
}

/** The data of a body, or why it isn't JSON a program can work with. NUL and control characters inside strings are data. */
export const decodeJson = (bytes: Uint8Array): Either.Either<unknown, InvalidRequest> =>
  Either.gen(function* () {
    const source = yield* text(bytes)
    if (source.trim() === "") return yield* refuse("the body is empty; send a JSON object")
    const parsed = parseJson(source, { maxDepth: MAX_BODY_DEPTH })
    if (Either.isLeft(parsed)) return yield* refuse(`the body is ${parsed.left}`)
    const problem = flaw(parsed.right)
    return problem === null ? parsed.right : yield* refuse(problem)
  })
