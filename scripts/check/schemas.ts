/** Random JSON schemas through the translation, and some of them to answers that a validator of others must take. */
import { Ajv2020 } from "ajv/dist/2020.js"
import { default as addFormats } from "ajv-formats"
import { Cause, Effect, Either, Exit, Option } from "effect"
import { constraintGrammar } from "../../src/chat/constrained/Constraints.js"
import { ConstraintUnsupported } from "../../src/domain/Errors.js"
import { type Subject, subject, writer } from "./constrained-run.js"
import { makeRandom } from "./Random.js"
import { anySchema } from "./random-schemas.js"
import type { Verdict } from "./Verdict.js"

const LIMIT_MILLIS = 1_000
const ANSWERS = 3
const MAX_TOKENS = 200

const shown = (schema: unknown): string => JSON.stringify(schema)?.slice(0, 600) ?? String(schema)

const model = { toolFormat: null, harmony: false, hasToken: () => false }

const constraintOf = (schema: unknown) => ({ _tag: "JsonSchema", schema, strict: false }) as const

interface Translation {
  readonly problem: string | null
  readonly made: boolean
}

const translate = (schema: unknown): Translation => {
  const start = process.cpuUsage()
  try {
    const made = Either.isRight(constraintGrammar(constraintOf(schema), model))
    const { system, user } = process.cpuUsage(start)
    const millis = (system + user) / 1000
    return { problem: millis > LIMIT_MILLIS ? `takes ${millis.toFixed(0)} ms for ${shown(schema)}` : null, made }
  } catch (error) {
    return { problem: `throws ${String(error)} for ${shown(schema)}`, made: false }
  }
}

/** Names that the validator itself stumbles over. */
const UNCHECKED = /"(?:__proto__|toString|constructor|hasOwnProperty)"/

/** Null for a schema that the validator refuses or reads otherwise. */
const validator = (schema: unknown) => {
  if (UNCHECKED.test(JSON.stringify(schema))) return null
  const ajv = new Ajv2020({ strict: false, ownProperties: true, logger: false })
  addFormats.default(ajv)
  try {
    return typeof schema === "boolean" || (typeof schema === "object" && schema !== null) ? ajv.compile(schema) : null
  } catch {
    return null
  }
}

/** A validator that breaks down, as it does over thousands of listed items, says nothing. */
const refuses = (validate: ReturnType<typeof validator>, value: unknown): boolean => {
  try {
    return validate?.(value) === false
  } catch {
    return false
  }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Undefined is what isn't JSON. A schema that is too large to compile may be refused, and a pattern with too many states. */
const answer = (at: Subject, schema: unknown, seed: number) =>
  Effect.gen(function* () {
    const write = yield* writer(at, constraintOf(schema), makeRandom(seed), MAX_TOKENS)
    const validate = validator(schema)
    for (let run = 0; run < ANSWERS; run++) {
      const { finished, text, tokens } = yield* write
      if (tokens === 1 && text === "") return `allows nothing for ${shown(schema)}`
      const value = finished ? parse(text) : null
      if (finished && (value === undefined || refuses(validate, value))) return `wrote ${text} for ${shown(schema)}`
    }
    return null
  })

const answerProblem = async (at: Subject, schema: unknown, seed: number): Promise<string | null> => {
  const exit = await Effect.runPromiseExit(answer(at, schema, seed))
  if (Exit.isSuccess(exit)) return exit.value
  const error = Option.getOrNull(Cause.failureOption(exit.cause))
  if (error instanceof ConstraintUnsupported && error.problem.startsWith("it takes longer"))
    return `hangs on ${shown(schema)}`
  return error instanceof ConstraintUnsupported
    ? `is refused late (${error.problem}): ${shown(schema)}`
    : Cause.pretty(exit.cause)
}

/** `answered`: of so many schemas that are translated answers are written. */
export async function* fuzzSchemas(options: {
  readonly runs: number
  readonly seed: number
  readonly answered: number
}): AsyncGenerator<Verdict> {
  const random = makeRandom(options.seed)
  const at = await subject("qwen3", model)
  let left = options.answered
  for (let run = 0; run < options.runs; run++) {
    const schema = anySchema(random)
    const name = `schema ${options.seed}/${run}`
    const { made, problem } = translate(schema)
    yield { name, problem }
    if (!made || left === 0) continue
    left--
    yield { name: `${name}, answers`, problem: await answerProblem(at, schema, run + 1) }
  }
}
