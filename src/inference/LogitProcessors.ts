/**
 * What changes single logits before a distribution is made of them: masks, biases, penalties. Each writes into the array it
 * is given. Pure otherwise.
 */

/** Disallows every token whose bit is not set: bit `id % 32` of word `id / 32`, as grammars make them. */
export const applyMask = (logits: Float32Array, mask: Int32Array): void => {
  for (let id = 0; id < logits.length; id++) {
    if ((((mask[id >> 5] ?? 0) >> (id & 31)) & 1) === 0) logits[id] = -Infinity
  }
}

/** Changes the logits of some tokens; ids outside the vocabulary are of no consequence. */
const change = (logits: Float32Array, ids: Iterable<number>, of: (value: number, id: number) => number): void => {
  for (const id of ids) {
    const value = logits[id]
    if (value !== undefined) logits[id] = of(value, id)
  }
}

export const applyBias = (logits: Float32Array, bias: ReadonlyMap<number, number>): void =>
  change(logits, bias.keys(), (value, id) => value + (bias.get(id) ?? 0))

/** Makes every token of `recent` less likely, once per distinct token, whatever its sign. */
export const penalizeRepetition = (logits: Float32Array, recent: ReadonlyArray<number>, penalty: number): void =>
  change(logits, new Set(recent), (value) => (value < 0 ? value * penalty : value / penalty))

/** Once per distinct token. */
export const penalizePresence = (logits: Float32Array, recent: ReadonlyArray<number>, penalty: number): void =>
  change(logits, new Set(recent), (value) => value - penalty)

/** Once per occurrence. */
export const penalizeFrequency = (logits: Float32Array, recent: ReadonlyArray<number>, penalty: number): void =>
  change(logits, recent, (value) => value - penalty)
