/** Where the engine process begins: beside the bundle, or in the sources when the program runs from them. */
import type { EngineProcessOptions } from "./EngineProcess.js"

/** From sources the child needs the same TypeScript loader as this process, so it inherits Node's options. */
export const defaultEntry = (): EngineProcessOptions =>
  import.meta.url.endsWith(".ts")
    ? { entry: new URL("./process.ts", import.meta.url) }
    : { entry: new URL("./engine.js", import.meta.url), execArgv: [] }
