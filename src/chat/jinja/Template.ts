/** A template in Jinja's language, as transformers renders chat templates: sandboxed, bounded, with Python's values. */
import { compileTemplate } from "./Compiler.js"
import { recursionError, TemplateFailure } from "./Failure.js"
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

/** V8's own limit ends what recurses deeper than any counter foresees; nothing that was half done is used again. */
const failure = (error: unknown): unknown => (error instanceof RangeError ? recursionError() : error)

/** Throws a TemplateFailure where the source isn't a template. */
export const compile = (source: string): Template => {
  let render: ReturnType<typeof compileTemplate>
  try {
    render = compileTemplate(source)
  } catch (error) {
    throw failure(error)
  }
  return (variables, { inputChars, now }) => {
    const rendering = new Rendering(new Map([...GLOBALS, ...variables]), now, inputChars)
    try {
      return render(rendering)
    } catch (thrown) {
      const error = failure(thrown)
      if (error instanceof TemplateFailure && error.python !== "RecursionError") error.line ??= rendering.line
      throw error
    }
  }
}
