/** What a user typed to name a model (`name` or `name@hash`), and the mapping between repo names and cache directories. Pure. */
import { Schema } from "effect"

/**
 * A model as typed. `name` is everything before the last `@` (the whole text without one), `revision` the commit prefix after
 * it, null when absent or empty. Every text parses; whether something matches is the cache's business (spec 01 §3).
 */
export class ModelRef extends Schema.Class<ModelRef>("ModelRef")({
  text: Schema.String,
  name: Schema.String,
  revision: Schema.NullOr(Schema.NonEmptyString)
}) {
  static parse(text: string): ModelRef {
    const at = text.lastIndexOf("@")
    if (at < 0) return new ModelRef({ text, name: text, revision: null })
    return new ModelRef({ text, name: text.slice(0, at), revision: text.slice(at + 1) || null })
  }

  /** The text before the *first* `@`: what a hash search and a fuzzy match look for (spec 01 §3.1, §3.3). */
  get pattern(): string {
    return this.text.split("@", 1)[0] ?? ""
  }

  override toString(): string {
    return this.text
  }
}

export const DIRECTORY_PREFIX = "models--"

/** `org/name` -> `models--org--name`. A name already in directory form is left as it is (spec 01 §2.3). */
export const directoryName = (name: string): string =>
  name.startsWith(DIRECTORY_PREFIX) ? name : DIRECTORY_PREFIX + name.replaceAll("/", "--")

/** `models--org--name` -> `org/name`; total, so that odd directories stay visible (spec 01 §2.3). */
export const repoName = (directory: string): string =>
  directory.startsWith(DIRECTORY_PREFIX) ? directory.slice(DIRECTORY_PREFIX.length).replaceAll("--", "/") : directory

/** A name as typed -> the repo's: the directory form means the repo of that directory (spec 01 §2.3). */
export const normalName = (text: string): string => (text.startsWith(DIRECTORY_PREFIX) ? repoName(text) : text)
