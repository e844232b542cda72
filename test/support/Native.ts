/** Whether this machine can load the native engine. The tests that need it are skipped where its libraries can't be had. */
import { missingEngineLibraries } from "../../scripts/native-libs.mjs"

const missing = missingEngineLibraries()

/** For `describe.skipIf` and `it.skipIf`. */
export const noEngine: boolean = missing !== null

if (missing !== null) console.warn(missing)
