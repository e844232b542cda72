/** The inverse of the normal distribution, written here because no dependency of this program has it. Pure. */

/** Giles, "Approximating the erfinv function" (2010): polynomials in -ln(1 - x^2), exact to single precision. */
const CENTRE = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4, -1.25372503e-3, -4.17768164e-3,
  0.246640727, 1.50140941
]
const TAIL = [
  -2.00214257e-4, 1.00950558e-4, 1.34934322e-3, -3.67342844e-3, 5.73950773e-3, -7.6224613e-3, 9.43887047e-3, 1.00167406,
  2.83297682
]

const erfinv = (x: number): number => {
  const w = -Math.log((1 - x) * (1 + x))
  const [coefficients, at] = w < 5 ? [CENTRE, w - 2.5] : [TAIL, Math.sqrt(w) - 3]
  return x * coefficients.reduce((sum, coefficient) => sum * at + coefficient, 0)
}

/** How many deviations above the mean a share of all values, above 0 and up to 1, lies. */
export const normalQuantile = (share: number): number =>
  share < 1 ? Math.SQRT2 * erfinv(2 * share - 1) : Number.POSITIVE_INFINITY
