/** The operations of decoders on lazy MLX arrays: nothing here computes, a step is evaluated once at its end. */
import type { Ops } from "../../inference/Ops.js"
import { attention } from "./Attention.js"
import { axes } from "./Axes.js"
import { elementwise } from "./Elementwise.js"
import { matrices } from "./Matrices.js"
import type { MlxArray } from "./Mx.js"
import { norms } from "./Norms.js"
import type { Step } from "./Step.js"

/** The operations of one step. */
export const makeOps = (step: Step): Ops<MlxArray> => ({
  ...matrices(step),
  ...elementwise(step),
  ...axes(step),
  ...norms(step),
  ...attention(step)
})
