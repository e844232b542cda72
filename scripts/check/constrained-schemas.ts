/** Random answers of many schemas against a validator that isn't ours. */
import { Ajv2020 } from "ajv/dist/2020.js"
import { default as addFormats } from "ajv-formats"
import { Effect } from "effect"
import { subject, writer } from "./constrained-run.js"
import { makeRandom } from "./Random.js"

const MAX_TOKENS = 300

export interface SchemaCheck {
  readonly family: string
  /** Answers per schema. */
  readonly count: number
  readonly schemas: ReadonlyArray<readonly [name: string, schema: unknown]>
  readonly report: (line: string) => void
  readonly entry?: URL
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Counts answers that end by themselves and are valid, and the others. */
export const checkSchemas = async ({ count, entry, family, report, schemas }: SchemaCheck) => {
  const ajv = new Ajv2020({ strict: false, allErrors: false })
  addFormats.default(ajv)
  const at = await subject(family, { toolFormat: null, harmony: false }, entry)
  let [passed, failed] = [0, 0]
  for (const [index, [name, schema]] of schemas.entries()) {
    const validate = ajv.compile(typeof schema === "object" && schema !== null ? schema : {})
    const random = makeRandom(index + 1)
    let [valid, cut, tokens] = [0, 0, 0]
    const constraint = { _tag: "JsonSchema", schema, strict: false } as const
    const write = await Effect.runPromise(writer(at, constraint, random, MAX_TOKENS))
    for (let run = 0; run < count; run++) {
      const output = await Effect.runPromise(write)
      tokens += output.tokens
      if (!output.finished) cut++
      else if (validate(parse(output.text))) valid++
      else {
        failed++
        report(`${name}: ${JSON.stringify(output.text)}: ${ajv.errorsText(validate.errors)}`)
      }
    }
    passed += valid
    report(`${name}: ${valid} valid, ${cut} cut off, ${Math.round(tokens / count)} tokens each`)
  }
  return { passed, failed }
}
