/** How sizes are written: one decimal in decimal units. Pure. */

/** A unit and the bytes from which it is used. */
export type Unit = readonly [bytes: number, unit: string]

/** The units of a file's size (spec 01 §5.1). */
export const FILE_UNITS: ReadonlyArray<Unit> = [
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "KB"]
]

/** The units of a model's size (spec 01 §4.4). */
export const MODEL_UNITS: ReadonlyArray<Unit> = [[1e15, "PB"], [1e12, "TB"], ...FILE_UNITS]

/** Ties to even, as Python rounds: 1250 bytes are 1.2KB, where `toFixed` says 1.3. Only a quarter can be an exact tie. */
const oneDecimal = (value: number): string => (value % 1 === 0.25 ? `${Math.floor(value)}.2` : value.toFixed(1))

/** `units` in descending order. The unit is chosen before rounding, so 999,950 bytes are `1000.0KB`. */
export const sizeText = (bytes: number, units: ReadonlyArray<Unit>): string => {
  const [factor, unit] = units.find(([least]) => bytes >= least) ?? [1, "B"]
  return factor === 1 ? `${bytes}B` : `${oneDecimal(bytes / factor)}${unit}`
}
