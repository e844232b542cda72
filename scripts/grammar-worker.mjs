/** Starts the grammar thread from its TypeScript source: a thread doesn't inherit its parent's loader. */
import { register } from "tsx/esm/api"

register()
await import("../src/runner/GrammarWorker.ts")
