import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { isObject, type JsonObject } from "../../../src/domain/JsonFile.js"
import { buildDecoder } from "../../../src/inference/architectures/Architectures.js"
import { architectureProblem } from "../../../src/inference/registry.js"
import { traceDecoder } from "../../../src/inference/Trace.js"

const directory = fileURLToPath(new URL("../../golden/models", import.meta.url))

const readConfig = (name: string): JsonObject => {
  const config: unknown = JSON.parse(readFileSync(`${directory}/${name}/config.json`, "utf8"))
  return isObject(config) ? config : {}
}

/** One config of each model type. */
const configs = new Map(
  readdirSync(directory).map((name) => {
    const config = readConfig(name)
    return [String(config["model_type"]), config] as const
  })
)

const HUGE = 2 ** 26

const VALUES: ReadonlyArray<unknown> = [-1, 0, 3, HUGE, 2 ** 31, 1e308, -0.5, "x", null, [], {}, [1e9], [null], true]

/** Where the values of a config stand. */
const places = (value: unknown, path: ReadonlyArray<string> = []): ReadonlyArray<ReadonlyArray<string>> =>
  isObject(value)
    ? Object.entries(value).flatMap(([key, inner]) => [[...path, key], ...places(inner, [...path, key])])
    : []

const replaced = (value: unknown, [key, ...rest]: ReadonlyArray<string>, by: unknown): unknown =>
  key === undefined ? by : isObject(value) ? { ...value, [key]: replaced(value[key], rest, by) } : value

/** Why a config is refused, empty when it isn't. */
const refusal = (config: JsonObject): string => {
  const traced = Either.flatMap(buildDecoder(config, new Set()), traceDecoder)
  if (Either.isRight(traced)) return ""
  return traced.left._tag === "BadConfig" ? traced.left.problem : traced.left.reason
}

/** Above a field's name and a phrase, below a repeated value. */
const LONGEST = 250

describe("a config with one wrong value", () => {
  it.each([...configs])("%s: is built or refused in a few words, at once", (_type, config) => {
    for (const [place, path] of places(config).entries()) {
      // Every value comes up, as neighbouring fields get different ones; the largest count that is let through comes everywhere.
      for (const value of [VALUES[(place * 5) % VALUES.length], VALUES[(place * 5 + 7) % VALUES.length], HUGE]) {
        const changed = replaced(config, path, value)
        if (!isObject(changed)) continue
        const problem = architectureProblem(changed) ?? refusal(changed)
        assert.isBelow(problem.length, LONGEST, path.join("."))
      }
    }
  })
})
