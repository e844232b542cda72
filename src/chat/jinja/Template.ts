/** A template in Jinja's language, as transformers renders chat templates: sandboxed, bounded, with Python's values. */
import { compileTemplate } from "./Compiler.js"
import { recursionError, runtimeError, TemplateFailure, valueError } from "./Failure.js"
import { GLOBALS } from "./Globals.js"
import { Rendering } from "./Runtime.js"
import type { Str } from "./Text.js"
import type { Value } from "./Values.js"

export interface RenderOptions {
  readonly now: () => Date
  /** Characters that the variables bring: longer ones may take more work. */
  readonly inputChars: number
}

/** Throws a TemplateFailure. */
export type Template = (variables: ReadonlyMap<string, Value>, options: RenderOptions) => Str

/** V8's own limits end what no counter foresees; nothing that was half done is used again. */
const failure = (error: unknown): unknown => {
  if (error instanceof RangeError)
    return /call stack/.test(error.message) ? recursionError() : runtimeError("a value too large")
  // An iterator that is asked for a value while it computes one.
  return error instanceof TypeError && /already running/.test(error.message)
    ? valueError("generator already executing")
    : error
}

/** Throws a TemplateFailure where the source isn't a template. */
export const compile = (source: string): Template => {
  let render: ReturnType<typeof compileTemplate>
  try {
    render = compileTemplate(source)
  } catch (thrown) {
    const error = failure(thrown)
    if (error instanceof TemplateFailure) error.line ??= null
    throw error
  }
  return (variables, { inputChars, now }) => {
    const rendering = new Rendering(new Map([...GLOBALS, ...variables]), now, inputChars)
    try {
      return render(rendering)
    } catch (thrown) {
      const error = failure(thrown)
      if (error instanceof TemplateFailure && error.line === undefined) error.line = rendering.line
      throw error
    }
  }
}
