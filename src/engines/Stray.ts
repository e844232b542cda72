/** What a step must not be given: an index outside a table is stray memory to a native library. */
import type { OpenCheckpoint } from "./CheckpointFiles.js"

/** Throws a RangeError for ids that don't exist and for more tokens than the model has positions: bugs of the caller. */
export const refuseStray = ({ decoder, needs }: OpenCheckpoint, ids: ReadonlyArray<number>, offset: number): void => {
  const stray = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < decoder.vocabSize))
  if (stray !== undefined) throw new RangeError(`token id ${stray} is not in the vocabulary`)
  const { maxPositions } = needs
  if (maxPositions !== null && offset + ids.length > maxPositions) {
    throw new RangeError(`${offset + ids.length} tokens are more than the model's ${maxPositions} positions`)
  }
}
