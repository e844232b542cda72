/** Bytes of a request body -> plain data, with everything refused that is not clean JSON (spec 03 §0.1(5)). Pure. */
import { Either } from "effect"
import { InvalidRequest } from "../../domain/Errors.js"
import { parseJson } from "../../domain/Json.js"

/** Deepest nesting of a request. A tool's JSON schema needs about 20. */
export const MAX_BODY_DEPTH = 128

/** A conversation of 10,000 messages has 60,000. Millions would stop every other request while they are read. */
export const MAX_BODY_VALUES = 200_000

const refuse = (problem: string) => Either.left(new InvalidRequest({ param: null, problem }))

const text = (bytes: Uint8Array): Either.Either<string, InvalidRequest> => {
  try {
    return Either.right(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch {
    return refuse("the body is not valid UTF-8")
  }
}

const LONE_SURROGATE = /\p{Surrogate}/u

const flawOf = (value: unknown): string | null => {
  if (typeof value === "number") return Number.isFinite(value) ? null : "a number is out of range"
  if (typeof value === "string") return LONE_SURROGATE.test(value) ? "a string has a lone surrogate" : null
  return null
}

const push = (to: Array<unknown>, values: ReadonlyArray<unknown>) => {
  for (const value of values) to.push(value)
}

/** The problem of some value or key in it. A list of its own instead of recursion and of copies: a client shapes the data. */
const flaw = (data: unknown): string | null => {
  const waiting: Array<unknown> = [data]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (Array.isArray(value)) push(waiting, value)
    else if (typeof value === "object" && value !== null) {
      push(waiting, Object.keys(value))
      push(waiting, Object.values(value))
    } else {
      const problem = flawOf(value)
      if (problem !== null) return problem
    }
  }
  return null
}

/** A body as data, and as it was written. */
export interface JsonBody {
  readonly data: unknown
  readonly text: string
}

/** The data of a body, or why it isn't JSON a program can work with. NUL and control characters inside strings are data. */
export const decodeJson = (bytes: Uint8Array): Either.Either<JsonBody, InvalidRequest> =>
  Either.gen(function* () {
    const source = yield* text(bytes)
    if (source.trim() === "") return yield* refuse("the body is empty; send a JSON object")
    const parsed = parseJson(source, { maxDepth: MAX_BODY_DEPTH, maxValues: MAX_BODY_VALUES })
    if (Either.isLeft(parsed)) return yield* refuse(`the body is ${parsed.left}`)
    const problem = flaw(parsed.right)
    return problem === null ? { data: parsed.right, text: source } : yield* refuse(problem)
  })
