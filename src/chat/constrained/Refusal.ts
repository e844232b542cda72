/** Why a constraint can't be kept. Thrown inside of this folder only; Constraints.ts turns it into a value. */

/** `path` is a JSON pointer into the schema, `keyword` the keyword that is to blame, null where none is. */
export class Refusal extends Error {
  constructor(
    readonly keyword: string | null,
    readonly path: string,
    readonly problem: string
  ) {
    super(problem)
  }
}
