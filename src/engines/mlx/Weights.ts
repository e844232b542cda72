/** The weights of a loaded model, by the names that architectures use. */
import type { PlannedMatrix, TensorSpec } from "../../inference/Weights.js"
import type { OpenCheckpoint } from "../CheckpointFiles.js"
import { type Arena, makeArena } from "./Arena.js"
import type { Binding } from "./Binding.js"
import type { MlxArray, MlxDtype } from "./Mx.js"
import { isNative, type Packed, type RepackContext, repack, type StoredParts } from "./Repack.js"

export interface LoadedMatrix {
  readonly packed: Packed
  readonly bias: MlxArray | null
}

export interface LoadedWeights {
  /** The precision everything is computed in. */
  readonly dtype: MlxDtype
  readonly matrices: ReadonlyMap<string, LoadedMatrix>
  readonly tensors: ReadonlyMap<string, MlxArray>
}

/** Values repacked at once: bounds the temporaries, which need up to 20 bytes per value. */
const BLOCK_VALUES = 2 ** 24

const arraysOf = (packed: Packed): ReadonlyArray<MlxArray> =>
  packed._tag === "Dense" ? [packed.weight] : [packed.words, packed.scales, packed.biases]

/** float32 on the CPU; on the GPU the checkpoint's own precision, or float32 where its tensors differ. */
const computeDtype = ({ gpu, mx }: Binding, { tensors }: OpenCheckpoint): MlxDtype => {
  const floats = new Set([...tensors.values()].map(({ dtype }) => dtype).filter((dtype) => /^B?F(16|32)$/.test(dtype)))
  if (!gpu || floats.size !== 1) return mx.float32
  return floats.has("BF16") ? mx.bfloat16 : floats.has("F16") ? mx.float16 : mx.float32
}

const sliceRows = (
  context: RepackContext,
  { biases, scales, weight }: StoredParts,
  from: number,
  to: number
): StoredParts => {
  const cut = (array: MlxArray) => context.arena.track(array.index(context.mx.Slice(from, to)))
  return { weight: cut(weight), scales: scales && cut(scales), biases: biases && cut(biases) }
}

/** Blocks of rows of one matrix put together. */
const joinBlocks = ({ arena, mx }: RepackContext, blocks: readonly [Packed, ...Array<Packed>]): Packed => {
  const [first] = blocks
  if (blocks.length === 1) return first
  for (const block of blocks) arraysOf(block).forEach(arena.track)
  const joined = (part: number) =>
    arena.track(
      mx.concatenate(
        blocks.flatMap((block) => arraysOf(block).slice(part, part + 1)),
        0
      )
    )
  return first._tag === "Dense"
    ? { _tag: "Dense", weight: joined(0) }
    : { ...first, words: joined(0), scales: joined(1), biases: joined(2) }
}

/** The stack's matrices below each other. */
const flattened = ({ arena, mx }: RepackContext, { biases, scales, weight }: StoredParts): StoredParts => {
  const flat = (array: MlxArray) => arena.track(mx.reshape(array, [-1, array.shape.at(-1) ?? 1]))
  return { weight: flat(weight), scales: scales && flat(scales), biases: biases && flat(biases) }
}

const stacked = ({ arena, mx }: RepackContext, packed: Packed, count: number): Packed => {
  const stack = (array: MlxArray) => arena.track(mx.reshape(array, [count, -1, array.shape.at(-1) ?? 1]))
  return packed._tag === "Dense"
    ? { _tag: "Dense", weight: stack(packed.weight) }
    : { ...packed, words: stack(packed.words), scales: stack(packed.scales), biases: stack(packed.biases) }
}

/** Repacks some rows at a time. The result is evaluated and nobody's arena has it, but for arrays used as they lie. */
const repackMatrix = (binding: Binding, dtype: MlxDtype, parts: StoredParts, plan: PlannedMatrix): Packed => {
  const { columns, count, format } = plan
  const context: RepackContext = { mx: binding.mx, dtype, arena: makeArena(binding.release) }
  const settled = (packed: Packed): Packed => {
    binding.mx.eval(...arraysOf(packed))
    context.arena.release(arraysOf(packed))
    return packed
  }
  const rows = (count ?? 1) * plan.rows
  if (isNative(format) || format._tag === "Ternary") return settled(repack(context, format, parts, rows, columns))
  const step = Math.max(1, Math.floor(BLOCK_VALUES / columns))
  const block = (from: number): Packed => {
    const part = sliceRows(context, flattened(context, parts), from, Math.min(from + step, rows))
    return settled(repack(context, format, part, rows, columns))
  }
  const blocks: [Packed, ...Array<Packed>] = [block(0)]
  for (let from = step; from < rows; from += step) blocks.push(block(from))
  const joined = joinBlocks(context, blocks)
  return settled(count === null ? joined : stacked(context, joined, count))
}

/** Hands out each stored tensor once; the arena then has it. */
type Take = (name: string, arena: Arena) => MlxArray | null

const taken = (take: Take, name: string, arena: Arena): MlxArray => {
  const array = take(name, arena)
  if (array === null) throw new Error(`tensor ${name} was there a moment ago`)
  return array
}

const loadMatrix = (binding: Binding, dtype: MlxDtype, take: Take, plan: PlannedMatrix): LoadedMatrix => {
  const { bias: hasBias, format, path } = plan
  const raw = makeArena(binding.release)
  const parts: StoredParts = {
    weight: taken(take, `${path}.weight`, raw),
    scales: take(`${path}.${format._tag === "Ternary" ? "weight_scale" : "scales"}`, raw),
    biases: take(`${path}.biases`, raw)
  }
  const packed = repackMatrix(binding, dtype, parts, plan)
  const bias = hasBias ? taken(take, `${path}.bias`, raw).astype(dtype) : null
  if (bias !== null) binding.mx.eval(bias)
  raw.release(arraysOf(packed))
  return { packed, bias }
}

const loadTensor = (binding: Binding, dtype: MlxDtype, take: Take, { name }: TensorSpec): MlxArray => {
  const raw = makeArena(binding.release)
  const tensor = taken(take, name, raw).astype(dtype)
  binding.mx.eval(tensor)
  raw.release()
  return tensor
}

/**
 * Makes every planned weight of the stored tensors, which are used up; throws what the binding throws. One matrix at a time,
 * so that no more than the model itself and one matrix's temporaries are in memory.
 */
export const loadWeights = (
  binding: Binding,
  checkpoint: OpenCheckpoint,
  stored: Map<string, MlxArray>
): LoadedWeights => {
  const take: Take = (name, arena) => {
    const key = checkpoint.tensors.get(name)?.stored ?? name
    const array = stored.get(key)
    stored.delete(key)
    return array === undefined ? null : arena.track(array)
  }
  const dtype = computeDtype(binding, checkpoint)
  const matrices = new Map<string, LoadedMatrix>()
  const tensors = new Map<string, MlxArray>()
  for (const plan of checkpoint.weights) {
    if (plan._tag === "Tensor") tensors.set(plan.name, loadTensor(binding, dtype, take, plan))
    else matrices.set(plan.path, loadMatrix(binding, dtype, take, plan))
  }
  for (const unused of stored.values()) binding.release(unused)
  return { dtype, matrices, tensors }
}

/** Gives the weights' memory back. */
export const releaseWeights = (binding: Binding, weights: LoadedWeights): void => {
  for (const tensor of weights.tensors.values()) binding.release(tensor)
  for (const { bias, packed } of weights.matrices.values()) {
    for (const array of bias === null ? arraysOf(packed) : [...arraysOf(packed), bias]) binding.release(array)
  }
}
