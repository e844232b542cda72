/** From a row of the table and config.json to a decoder. Pure. */
import { Either } from "effect"
import { excerpt } from "../../../domain/Excerpt.js"
import { ALL, type Attention, attention, type HeadNorm } from "../../blocks/Attention.js"
import { mlp } from "../../blocks/Mlp.js"
import { type Norm, norm } from "../../blocks/Norm.js"
import { chain, linear, type Part, softcap, times } from "../../blocks/Part.js"
import { embedding, parallel, sequential, transformer } from "../../blocks/Transformer.js"
import {
  badConfig,
  type ConfigProblem,
  eps as epsSchema,
  integer,
  layerCount,
  MAX_HEAD_SIZE,
  number,
  positive,
  type Section,
  size,
  unsupported
} from "../../Config.js"
import type { Build } from "../../Decoder.js"
import type { RopeSpec } from "../../Rope.js"
import { denseRope } from "./DenseRope.js"
import type { LayerKind } from "./Plan.js"
import type { DenseRow, PlacedNorm } from "./Row.js"
import { read, readFlag, type Setting, type Sizes } from "./Setting.js"

type Result<A> = Either.Either<A, ConfigProblem>

/** A row with everything that config.json says filled in. */
interface Decoded {
  readonly row: DenseRow
  readonly config: Section
  readonly sizes: Sizes
  readonly vocab: number
  readonly kvHeads: number
  readonly headSize: number
  readonly mlpSize: number
  readonly norm: Omit<Norm, "path">
  readonly kinds: ReadonlyArray<LayerKind>
  readonly window: number
}

const headCounts = (row: DenseRow, config: Section, sizes: Sizes): Result<Pick<Decoded, "kvHeads" | "headSize">> =>
  Either.gen(function* () {
    const { heads, hidden } = sizes
    const kvHeads = (yield* read(config, integer(0, MAX_HEAD_SIZE), row.kvHeads, sizes)) || heads
    const headSize = (yield* read(config, integer(0, MAX_HEAD_SIZE), row.headSize, sizes)) || Math.floor(hidden / heads)
    if (heads % kvHeads !== 0) {
      return yield* badConfig(`num_attention_heads ${heads} is not a multiple of num_key_value_heads ${kvHeads}`)
    }
    if (headSize > MAX_HEAD_SIZE) return yield* badConfig(`head size ${headSize} is larger than ${MAX_HEAD_SIZE}`)
    return headSize > 0
      ? { kvHeads, headSize }
      : yield* badConfig(`${heads} heads are too many for ${hidden} dimensions`)
  })

const decode = (row: DenseRow, config: Section): Result<Decoded> =>
  Either.gen(function* () {
    const none: Sizes = { hidden: 0, layers: 0, heads: 0 }
    const sizes: Sizes = {
      hidden: yield* read(config, size, row.hidden, none),
      layers: yield* read(config, layerCount, row.layers, none),
      heads: yield* read(config, size, row.heads, none)
    }
    const kinds = yield* row.plan(config, sizes.layers)
    const windowed = kinds.some((kind) => kind.windowed)
    return {
      row,
      config,
      sizes,
      kinds,
      ...(yield* headCounts(row, config, sizes)),
      vocab: yield* read(config, size, row.vocab, sizes),
      mlpSize: yield* read(config, size, row.mlpSize, sizes),
      norm: {
        kind: row.norm,
        eps: yield* read(config, epsSchema, row.eps, sizes),
        bias: yield* readFlag(config, row.normBias, sizes),
        offset: row.normOffset
      },
      window: windowed ? yield* read(config, size, row.window, sizes) : 0
    }
  })

const headNorm = ({ norm: { eps }, row }: Decoded, path: string, of: "queries" | "keys"): HeadNorm | null => {
  if (row.headNorms === null) return null
  const { kind, names, offset = 0, span } = row.headNorms
  return { kind, span, eps, offset, path: names === null ? null : `${path}.${names[of]}` }
}

/** What all layers' attention has in common; `path` and `rope` are a layer's own. */
const attentionOf = (decoded: Decoded): Result<(path: string, kind: LayerKind, rope: RopeSpec | null) => Attention> =>
  Either.gen(function* () {
    const {
      config,
      headSize,
      kvHeads,
      norm: { eps },
      row,
      sizes,
      window
    } = decoded
    const flag = (setting: Setting<boolean>) => readFlag(config, setting, sizes)
    const inputBias = yield* flag(row.qkvBias)
    const outputBias = yield* flag(row.outputBias)
    const normed = row.headNorms !== null && (yield* flag(row.headNorms.when ?? true))
    const scale = row.scale === null ? headSize ** -0.5 : yield* read(config, number, row.scale, sizes)
    const factor = yield* read(config, number, row.scaleFactor, sizes)
    const softcap = row.attentionSoftcap === null ? null : yield* read(config, positive, row.attentionSoftcap, sizes)
    const queryScale = row.queryScale === null ? null : yield* row.queryScale(config)
    return (path, kind, rope) => ({
      path,
      width: sizes.hidden,
      heads: sizes.heads,
      kvHeads,
      headSize,
      names: row.qkv,
      inputBias,
      output: row.output,
      outputBias,
      queryNorm: normed ? headNorm(decoded, path, "queries") : null,
      keyNorm: normed ? headNorm(decoded, path, "keys") : null,
      normPlace: row.headNorms?.place ?? "before",
      rope,
      scale: scale * factor,
      visibility: kind.windowed ? { _tag: "Window", size: window } : ALL,
      softcap,
      queryScale,
      tiled: row.tiled,
      gate: row.gate === null ? null : { ...row.gate, bias: inputBias },
      outputNorm: row.outputNorm === null ? null : { kind: "rms", eps, path: `${path}.${row.outputNorm}` }
    })
  })

/** Makes the norms of a layer; `path` is the layer's. */
const placed = (decoded: Decoded, placement: PlacedNorm): Result<(path: string) => Part | null> =>
  Either.gen(function* () {
    if (placement === null) return () => null
    const { config, norm: common, row, sizes } = decoded
    const {
      eps = common.eps,
      name,
      offset = row.normOffset
    } = typeof placement === "string" ? { name: placement } : placement
    const own = { ...common, offset, eps: yield* read(config, epsSchema, eps, sizes) }
    return (path) => norm({ ...own, path: row.normWeights ? `${path}.${name}` : null }, sizes.hidden)
  })

/** The rope of each kind of layer. */
const ropes = ({ config, headSize, row, sizes }: Decoded): Result<(kind: LayerKind) => RopeSpec | null> =>
  Either.gen(function* () {
    const common = row.rope === null ? null : yield* denseRope(row.rope, config, headSize, sizes)
    const windowed = row.windowRope === null ? common : yield* denseRope(row.windowRope, config, headSize, sizes)
    return ({ turned, windowed: hasWindow }) => (turned ? (hasWindow ? windowed : common) : null)
  })

const layers = (decoded: Decoded): Result<ReadonlyArray<Part>> =>
  Either.gen(function* () {
    const {
      config,
      kinds,
      mlpSize,
      norm: { eps },
      row,
      sizes
    } = decoded
    const { afterAttention, afterMlp, beforeAttention, beforeMlp } = row.norms
    const attentionAt = yield* attentionOf(decoded)
    const ropeOf = yield* ropes(decoded)
    const norms = {
      beforeAttention: yield* placed(decoded, beforeAttention),
      afterAttention: yield* placed(decoded, afterAttention),
      beforeMlp: yield* placed(decoded, beforeMlp),
      afterMlp: yield* placed(decoded, afterMlp)
    }
    const mlpBias = yield* readFlag(config, row.mlpBias, sizes)
    const sideBySide = yield* readFlag(config, row.parallel, sizes)
    const scaled = times(yield* read(config, number, row.branchScale, sizes))
    return kinds.map((kind, layer) => {
      const path = `${row.layerList}.${layer}`
      const mlpPath = `${path}.${row.mlp}`
      const first = norms.beforeAttention(path)
      const attend = attention(attentionAt(`${path}.${row.attention}`, kind, ropeOf(kind)))
      const feed = mlp({
        path: mlpPath,
        names: row.mlpNames,
        width: sizes.hidden,
        size: mlpSize,
        activation: row.activation,
        bias: mlpBias,
        innerNorm: row.mlpNorm === null ? null : { kind: "rms", eps, path: `${mlpPath}.${row.mlpNorm}` }
      })
      if (sideBySide && row.sharedNorm) return parallel(chain(first), attend, feed)
      const attentionBranch = chain(first, attend, norms.afterAttention(path), scaled)
      const mlpBranch = chain(norms.beforeMlp(path), feed, norms.afterMlp(path), scaled)
      return sideBySide ? parallel(chain(), attentionBranch, mlpBranch) : sequential(attentionBranch, mlpBranch)
    })
  })

const embed = ({ config, norm: common, row, sizes, vocab }: Decoded): Result<Part> =>
  Either.gen(function* () {
    const scaled = times(yield* read(config, number, row.embeddingScale, sizes))
    const normed = row.embeddingNorm ? norm({ ...common, path: null }, sizes.hidden) : null
    const tokens = chain(embedding(row.embedding, vocab, sizes.hidden), scaled, normed)
    if (row.positions === null) return tokens
    const { path } = row.positions
    const rows = yield* read(config, size, row.positions.rows, sizes)
    return (ops, ids) =>
      ops.binary("add", tokens(ops, ids), ops.embedding(ops.positions(), path, { rows, columns: sizes.hidden }))
  })

const head = ({ config, norm: common, row, sizes, vocab }: Decoded, tied: boolean): Result<Part> =>
  Either.gen(function* () {
    const offset = row.finalNormOffset ?? row.normOffset
    const bias = !tied && (yield* readFlag(config, row.headBias, sizes))
    const cap = row.logitSoftcap === null ? null : yield* read(config, positive, row.logitSoftcap, sizes)
    return chain(
      norm({ ...common, offset, path: row.normWeights ? row.finalNorm : null }, sizes.hidden),
      linear(tied ? row.embedding : row.head, vocab, bias),
      times(yield* read(config, number, row.logitScale, sizes)),
      cap === null ? null : softcap(cap)
    )
  })

/** Rope tables of old checkpoints. */
const ROPE_TABLE = /\.(rotary_emb|rope)\.inv_freq$/

/** A member of the table as a function from config.json to its decoder. */
export const dense =
  (row: DenseRow): Build =>
  (unprepared, stored) =>
    Either.gen(function* () {
      const config = row.prepare(unprepared)
      for (const [name, value] of Object.entries(row.only)) {
        const given = config[name] ?? value
        if (given !== value) return yield* unsupported(`${name} ${excerpt(given)} is not supported`)
      }
      const decoded = yield* decode(row, config)
      const tied =
        row.tied === "when the head is missing"
          ? ![...stored].some((name) => row.rename(name) === `${row.head}.weight`)
          : yield* readFlag(config, row.tied, decoded.sizes)
      return transformer({
        vocabSize: decoded.vocab,
        embed: yield* embed(decoded),
        layers: yield* layers(decoded),
        head: yield* head(decoded, tied),
        storedAs: (name) => {
          const own = row.rename(name)
          return own === null || ROPE_TABLE.test(own) || (tied && own === `${row.head}.weight`) ? null : own
        }
      })
    })
