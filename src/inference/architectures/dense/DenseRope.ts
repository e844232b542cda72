/** Rope of a row. Pure. */
import { Either, Schema } from "effect"
import { excerpt } from "../../../domain/Excerpt.js"
import {
  badConfig,
  between,
  type ConfigProblem,
  decodeFields,
  integer,
  MAX_HEAD_SIZE,
  nullish,
  positive,
  Section,
  size,
  unsupported
} from "../../Config.js"
import { backwards, type RopeSpec, ropeKind, ropeSpec } from "../../Rope.js"
import type { RopeRow } from "./Row.js"
import { read, readFlag, type Sizes } from "./Setting.js"

type Result<A> = Either.Either<A, ConfigProblem>

const dimensions = (row: RopeRow, config: Section, headSize: number, sizes: Sizes): Result<number> =>
  Either.gen(function* () {
    const given = yield* read(config, integer(0, MAX_HEAD_SIZE), row.dims ?? 0, sizes)
    const part = yield* read(config, between(0, 1), row.part ?? 1, sizes)
    const dims = given === 0 ? Math.floor(headSize * part) : given
    if (dims > headSize) return yield* badConfig(`rope turns ${dims} of ${headSize} dimensions`)
    return dims > 0 && dims % 2 === 0 ? dims : yield* badConfig(`head size ${dims} is not even`)
  })

/** The first of the row's sections that config.json has, with its name. */
const scalingOf = (row: RopeRow, config: Section): Result<Section | null> =>
  Either.gen(function* () {
    for (const name of row.scaling ?? []) {
      const { [name]: section } = yield* decodeFields(Schema.Struct({ [name]: nullish(Section) }), config)
      if (section) return section
    }
    return null
  })

export const denseRope = (row: RopeRow, config: Section, headSize: number, sizes: Sizes): Result<RopeSpec> =>
  Either.gen(function* () {
    const dims = yield* dimensions(row, config, headSize, sizes)
    const alpha = yield* read(config, positive, row.alpha ?? 1, sizes)
    const base = (yield* read(config, positive, row.base, sizes)) * (alpha === 1 ? 1 : alpha ** (dims / (dims - 2)))
    const scaling = yield* scalingOf(row, config)
    const kind = ropeKind(scaling)
    if (scaling !== null && row.kinds && !row.kinds.some((known) => known === kind)) {
      return yield* unsupported(`rope type ${excerpt(kind)} is not supported`)
    }
    const { max_position_embeddings: maxPositions } = yield* decodeFields(
      Schema.Struct({ max_position_embeddings: nullish(size) }),
      config
    )
    const spec = yield* ropeSpec({
      dims,
      base,
      interleaved: yield* readFlag(config, row.interleaved ?? false, sizes),
      scaling,
      maxPositions: maxPositions ?? row.maxPositions ?? null
    })
    return row.backwards === true ? backwards(dims, base) : spec
  })
