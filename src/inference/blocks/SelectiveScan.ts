/** The recurrence of Mamba (arXiv 2312.00752): every channel keeps a few numbers that decay by what the input says. */
import type { Ops } from "../Ops.js"
import { causalConv } from "./CausalConv.js"
import { type Part, split } from "./Part.js"

/** Steps, inputs and outputs of the recurrence as they come from one matrix. */
export interface Selection<T> {
  /** [batch, length, rank]. */
  readonly step: T
  /** Both [batch, length, state]. */
  readonly input: T
  readonly output: T
}

export interface Mamba {
  readonly path: string
  /** In and out. */
  readonly width: number
  /** Channels of the recurrence. */
  readonly channels: number
  /** Numbers that each channel keeps. */
  readonly state: number
  /** Width that the steps are made of. */
  readonly rank: number
  readonly taps: number
  readonly bias: boolean
  readonly convBias: boolean
  readonly normalize: <T>(ops: Ops<T>, selection: Selection<T>) => Selection<T>
}

/** x and steps [batch, length, channels] -> [batch, length, channels]. */
const recurrence = <T>(ops: Ops<T>, x: T, steps: T, { input, output }: Selection<T>, spec: Mamba): T => {
  const { channels, path, state } = spec
  const rates = ops.unary("negative", ops.unary("exp", ops.float32(ops.weight(`${path}.A_log`, [channels, state]))))
  const name = `${path}.state`
  const column = (y: T) => ops.reshape(y, [0, 0, 1])
  const { output: found, states } = ops.scan(
    { now: ops.float32(x), step: ops.float32(steps), into: ops.float32(input), outOf: ops.float32(output) },
    { memory: ops.state(name, { shape: [channels, state] }) },
    ({ into, now, outOf, step }, { memory }) => {
      const added = ops.binary("multiply", column(ops.binary("multiply", step, now)), ops.reshape(into, [0, 1, state]))
      const kept = ops.binary("multiply", memory, ops.unary("exp", ops.binary("multiply", column(step), rates)))
      const after = ops.binary("add", added, kept)
      return { states: { memory: after }, output: ops.reshape(ops.matmul(after, column(outOf)), [0, channels]) }
    }
  )
  ops.remember(name, states.memory)
  return ops.binary("add", ops.native(found), ops.binary("multiply", x, ops.weight(`${path}.D`, [channels])))
}

export const mamba = (spec: Mamba): Part => {
  const { bias, channels, convBias, path, rank, state, taps, width } = spec
  return (ops, x) => {
    const both = ops.linear(x, `${path}.in_proj`, { rows: 2 * channels, bias })
    const inner = ops.slice(both, -1, 0, channels)
    const gate = ops.slice(both, -1, channels, null)
    const seen = ops.unary("silu", causalConv(ops, inner, { path: `${path}.conv1d`, channels, taps, bias: convBias }))
    const joined = ops.linear(seen, `${path}.x_proj`, { rows: rank + 2 * state })
    const [step = joined, input = joined, output = joined] = split(ops, joined, [rank, state, state])
    const selection = spec.normalize(ops, { step, input, output })
    const steps = ops.unary("softplus", ops.linear(selection.step, `${path}.dt_proj`, { rows: channels, bias: true }))
    const found = recurrence(ops, seen, steps, selection, spec)
    return ops.linear(ops.binary("multiply", ops.unary("silu", gate), found), `${path}.out_proj`, { rows: width, bias })
  }
}
