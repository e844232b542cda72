/** Macros and the bodies of call blocks. */
import { typeError } from "./Failure.js"
import { type Call, type Kwargs, PyObject, type Runtime, Tuple, Undefined, type Value } from "./Values.js"

export interface MacroShape {
  readonly name: string | null
  readonly params: ReadonlyArray<string>
  readonly catchKwargs: boolean
  readonly catchVarargs: boolean
  readonly caller: boolean
}

/** The values of a macro's variables; undefined where the default is to be taken. */
export interface MacroArguments {
  readonly params: ReadonlyArray<Value | undefined>
  readonly caller: Value
  readonly kwargs: Kwargs
  readonly varargs: ReadonlyArray<Value>
}

export class Macro extends PyObject {
  readonly type = "Macro"
  override readonly callable = true

  constructor(
    readonly shape: MacroShape,
    readonly run: (args: MacroArguments, rt: Runtime) => Value
  ) {
    super()
  }

  #bind(args: ReadonlyArray<Value>, kwargs: Kwargs): MacroArguments {
    const { caller, catchKwargs, catchVarargs, name, params } = this.shape
    const rest = new Map(kwargs)
    const values = params.map((param, i) => {
      if (i < args.length) return args[i]
      const value = rest.get(param)
      rest.delete(param)
      return value
    })
    let callerValue: Value = new Undefined("No caller defined")
    if (caller && !params.includes("caller")) {
      callerValue = rest.get("caller") ?? callerValue
      rest.delete("caller")
    }
    const [unexpected] = rest.keys()
    if (unexpected !== undefined && !catchKwargs)
      throw typeError(`macro '${name}' takes no keyword argument '${unexpected}'`)
    if (args.length > params.length && !catchVarargs) {
      throw typeError(`macro '${name}' takes not more than ${params.length} argument(s)`)
    }
    return { params: values, caller: callerValue, kwargs: rest, varargs: args.slice(params.length) }
  }

  override call(rt: Runtime, args: ReadonlyArray<Value>, kwargs: Kwargs): Value {
    const bound = this.#bind(args, kwargs)
    return rt.nested(() => this.run(bound, rt))
  }

  override attribute(name: string): Value | undefined {
    const { caller, catchKwargs, catchVarargs, params } = this.shape
    switch (name) {
      case "name":
        return this.shape.name
      case "arguments":
        return new Tuple(params)
      case "catch_kwargs":
        return catchKwargs
      case "catch_varargs":
        return catchVarargs
      case "caller":
        return caller
      case "explicit_caller":
        return params.includes("caller")
      default:
        return undefined
    }
  }

  override repr(): string {
    return this.shape.name === null ? "<Macro anonymous>" : `<Macro '${this.shape.name}'>`
  }
}

/** A block of the template, called by `self.name()`. */
export class BlockReference extends PyObject {
  readonly type = "BlockReference"
  override readonly callable = true

  constructor(
    readonly name: string,
    readonly render: Call
  ) {
    super()
  }

  override call(rt: Runtime, args: ReadonlyArray<Value>, kwargs: Kwargs): Value {
    if (args.length + kwargs.size > 0) throw typeError("a block takes no arguments")
    return rt.nested(() => this.render(rt, args, kwargs))
  }

  override attribute(name: string): Value | undefined {
    if (name === "name") return this.name
    return name === "super" ? new Undefined(`there is no parent block called '${this.name}'.`) : undefined
  }
}

/** `self`: the blocks of the template. */
export class TemplateReference extends PyObject {
  readonly type = "TemplateReference"

  constructor(readonly blocks: ReadonlyMap<string, BlockReference>) {
    super()
  }

  override item(key: Value): Value | undefined {
    return typeof key === "string" ? this.blocks.get(key) : undefined
  }

  override repr(): string {
    return "<TemplateReference None>"
  }
}
