/** Values of a table row: fixed, or taken from config.json with a default. Pure. */
import { Either, Schema } from "effect"
import { isObject } from "../../../domain/JsonFile.js"
import { badConfig, type ConfigProblem, decodeFields, flag, type Section } from "../../Config.js"

/** What other values of a row may depend on. */
export interface Sizes {
  readonly hidden: number
  readonly layers: number
  readonly heads: number
}

/** A field of config.json. */
export interface Field<A> {
  /** Where it may stand, with dots between the levels; the first that is there and not null counts. */
  readonly names: ReadonlyArray<string>
  /** What it is when it's missing; without it the field is required. */
  readonly or?: A
  /** What the model makes of it. */
  readonly as?: (value: A, sizes: Sizes) => A
}

/** A fixed value, a field, or what follows from the sizes. */
export type Setting<A> = A | Field<A> | ((sizes: Sizes) => A)

export const field = <A>(names: string | ReadonlyArray<string>, or?: A, as?: Field<A>["as"]): Field<A> => ({
  names: typeof names === "string" ? [names] : names,
  ...(or === undefined ? {} : { or }),
  ...(as === undefined ? {} : { as })
})

const at = (config: Section, path: string): unknown =>
  path.split(".").reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), config)

/** A field's own value; undefined when no place has it. */
const found = <A>(
  config: Section,
  schema: Schema.Schema<A>,
  names: ReadonlyArray<string>
): Either.Either<A | undefined, ConfigProblem> => {
  const name = names.find((path) => at(config, path) !== undefined && at(config, path) !== null)
  return name === undefined
    ? Either.right(undefined)
    : Either.map(decodeFields(Schema.Struct({ [name]: schema }), { [name]: at(config, name) }), (all) => all[name])
}

const isField = <A>(setting: Setting<A>): setting is Field<A> =>
  typeof setting === "object" && setting !== null && "names" in setting

const isDerived = <A>(setting: Setting<A>): setting is (sizes: Sizes) => A => typeof setting === "function"

/** The value of a setting; `schema` says what the field may hold. */
export const read = <A extends number | boolean>(
  config: Section,
  schema: Schema.Schema<A>,
  setting: Setting<A>,
  sizes: Sizes
): Either.Either<A, ConfigProblem> => {
  if (isDerived(setting)) return Either.right(setting(sizes))
  if (!isField(setting)) return Either.right(setting)
  return Either.flatMap(found(config, schema, setting.names), (given) => {
    const value = given ?? setting.or
    if (value === undefined) return badConfig(`${setting.names[0]}: is missing`)
    return Either.right(setting.as === undefined ? value : setting.as(value, sizes))
  })
}

/** A switch; null, as in Python, means off. */
export const readFlag = (config: Section, setting: Setting<boolean>, sizes: Sizes) =>
  isField(setting) && setting.names.some((name) => at(config, name) === null)
    ? Either.right(setting.as?.(false, sizes) ?? false)
    : read(config, flag, setting, sizes)
