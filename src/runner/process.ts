/** Entry of the engine process, a bundle of its own. The engine's native library is loaded with the first weights. */
import { Effect } from "effect"
import { openCheckpoint } from "../engines/CheckpointFiles.js"
import { serve } from "./Serve.js"

serve({
  check: openCheckpoint,
  engine: Effect.map(
    Effect.promise(() => import("../engines/mlx/MlxEngine.js")),
    ({ mlxEngine }) => mlxEngine
  )
})
