/** Which models running programs use, told to other programs on this machine. */
import { Context, type Effect, type Scope } from "effect"
import type { RunnableModel } from "./Runner.js"

export class Leases extends Context.Tag("mlxk/Leases")<
  Leases,
  {
    /**
     * Tells that this process uses the model until the scope closes: `rm` and `gc` leave it alone. Never fails: in a cache
     * that can't be written nobody can delete either.
     */
    readonly hold: (model: RunnableModel) => Effect.Effect<void, never, Scope.Scope>
  }
>() {}
