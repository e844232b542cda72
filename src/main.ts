/** The program behind the command: its arguments, its name, its layers. */
import { start } from "./cli/Start.js"
import { programName } from "./cli/Version.js"
import { layer } from "./Live.js"

start(process.argv.slice(2), { live: layer, program: programName(process.argv[1]) })
