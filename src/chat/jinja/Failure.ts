/**
 * What goes wrong in a template, in the terms of Jinja2: `raise` is `raise_exception`, `undefined` the use of what isn't there,
 * `security` what the sandbox forbids, `syntax` what doesn't compile, `runtime` any other Python exception, `limit` a template
 * that asks for more work than any real one (this engine's own).
 */
export type FailureKind = "raise" | "undefined" | "security" | "syntax" | "runtime" | "limit"

/** The Python exceptions that Jinja2's own code catches. */
export type PythonError = "TypeError" | "ValueError" | "OverflowError" | "LookupError" | null

/** A template that doesn't compile or render. Thrown inside the engine, where Python throws, and by `compile` and `render`. */
export class TemplateFailure extends Error {
  constructor(
    readonly kind: FailureKind,
    message: string,
    /** Line of the template, from 1; null where Jinja2 names none, undefined until it is known. */
    public line: number | null | undefined = undefined,
    readonly python: PythonError = null
  ) {
    super(message)
  }
}

export const typeError = (message: string) => new TemplateFailure("runtime", message, undefined, "TypeError")
export const valueError = (message: string) => new TemplateFailure("runtime", message, undefined, "ValueError")
export const overflowError = (message: string) => new TemplateFailure("runtime", message, undefined, "OverflowError")
export const lookupError = (message: string) => new TemplateFailure("runtime", message, undefined, "LookupError")
/** Jinja2 names no line for it. */
export const recursionError = () => new TemplateFailure("runtime", "maximum recursion depth exceeded", null)
/** A block that is filtered to something else than a string; it only shows when the parts are put together. */
export const notText = () => new TemplateFailure("runtime", "sequence item: expected str instance", null, "TypeError")
export const runtimeError = (message: string) => new TemplateFailure("runtime", message)
export const securityError = (message: string) => new TemplateFailure("security", message)
export const syntaxError = (message: string, line: number) => new TemplateFailure("syntax", message, line)
