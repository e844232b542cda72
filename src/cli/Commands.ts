/** All commands, in the order of the help. A new command is a file in `commands/` and a line here. */
import { health } from "./commands/Health.js"
import { list } from "./commands/List.js"
import { run } from "./commands/Run.js"
import { serve, server } from "./commands/Serve.js"
import { show } from "./commands/Show.js"

export const commands = [list, health, show, run, serve, server] as const
