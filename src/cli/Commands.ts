/** All commands, in the order of the help. A new command is a file in `commands/` and a line here. */
import { clone } from "./commands/Clone.js"
import { du } from "./commands/Du.js"
import { gc } from "./commands/Gc.js"
import { health } from "./commands/Health.js"
import { list } from "./commands/List.js"
import { outdated } from "./commands/Outdated.js"
import { pull } from "./commands/Pull.js"
import { push } from "./commands/Push.js"
import { rm } from "./commands/Rm.js"
import { run } from "./commands/Run.js"
import { serve, server } from "./commands/Serve.js"
import { show } from "./commands/Show.js"
import { update } from "./commands/Update.js"

export const commands = [
  list,
  health,
  show,
  pull,
  outdated,
  update,
  rm,
  clone,
  push,
  gc,
  du,
  run,
  serve,
  server
] as const
