/** Which of the decoders of tokenizer.json can be read token by token, and how. Pure. */
import { Option, Schema } from "effect"

/**
 * `ByteLevel`: the characters of a token are bytes. `Pieces`: each token is text after `replace`, with `<0x..>` tokens as
 * bytes when `byteFallback`, and up to `stripStart` spaces of the whole text dropped. `Words`: tokens are words, and parts
 * of one where `prefix` begins them. `Metaspace`: `replacement` stands for a space, and for nothing in the first token when
 * `dropFirst`. `Whole`: only the list as a whole.
 */
export type DecoderPlan =
  | { readonly _tag: "ByteLevel" }
  | {
      readonly _tag: "Pieces"
      readonly replace: (token: string) => string
      readonly byteFallback: boolean
      readonly stripStart: number
    }
  | { readonly _tag: "Words"; readonly prefix: string; readonly cleanUp: boolean }
  | { readonly _tag: "Metaspace"; readonly replacement: string; readonly dropFirst: boolean }
  | { readonly _tag: "Whole" }

const Step = Schema.Union(
  Schema.Struct({ type: Schema.Literal("ByteLevel", "ByteFallback", "Fuse") }),
  Schema.Struct({
    type: Schema.Literal("Replace"),
    pattern: Schema.Struct({ String: Schema.NonEmptyString }),
    content: Schema.String
  }),
  Schema.Struct({
    type: Schema.Literal("Strip"),
    content: Schema.Literal(" "),
    start: Schema.Int,
    stop: Schema.Literal(0)
  }),
  Schema.Struct({ type: Schema.Literal("WordPiece"), prefix: Schema.NonEmptyString, cleanup: Schema.Boolean }),
  Schema.Struct({
    type: Schema.Literal("Metaspace"),
    replacement: Schema.NonEmptyString,
    prepend_scheme: Schema.optionalWith(Schema.String, { default: () => "always" })
  })
)
type Step = typeof Step.Type

const decodeDecoder = Schema.decodeUnknownOption(
  Schema.Union(Step, Schema.Struct({ type: Schema.Literal("Sequence"), decoders: Schema.Array(Step) }))
)

const WHOLE: DecoderPlan = { _tag: "Whole" }

/** Reads the `decoder` of tokenizer.json. What isn't known is left to the tokenizer's own decoder. */
export const planDecoder = (decoder: unknown): DecoderPlan =>
  Option.match(decodeDecoder(decoder), {
    onNone: () => WHOLE,
    onSome: (known) => planSteps(known.type === "Sequence" ? known.decoders : [known])
  })

/** A decoder that does all the work by itself. */
const planSingle = (step: Step): DecoderPlan | null => {
  switch (step.type) {
    case "ByteLevel":
      return { _tag: "ByteLevel" }
    case "WordPiece":
      return { _tag: "Words", prefix: step.prefix, cleanUp: step.cleanup }
    case "Metaspace":
      return { _tag: "Metaspace", replacement: step.replacement, dropFirst: step.prepend_scheme !== "never" }
    default:
      return null
  }
}

const planSteps = (steps: ReadonlyArray<Step>): DecoderPlan => {
  const [first, ...others] = steps
  const single = first !== undefined && others.length === 0 ? planSingle(first) : null
  if (single !== null) return single
  const replacements: Array<{ readonly from: string; readonly to: string }> = []
  let byteFallback = false
  let stripStart = 0
  let fused = false
  for (const step of steps) {
    // After bytes are joined a replacement would see text, not tokens; without Fuse a Strip would work on each token.
    if (step.type === "Replace" && !byteFallback && !fused) {
      replacements.push({ from: step.pattern.String, to: step.content })
    } else if (step.type === "ByteFallback" && !fused) byteFallback = true
    else if (step.type === "Fuse") fused = true
    else if (step.type === "Strip" && fused && stripStart === 0) stripStart = step.start
    else return WHOLE
  }
  const replace = (token: string) => replacements.reduce((text, { from, to }) => text.replaceAll(from, () => to), token)
  return { _tag: "Pieces", replace, byteFallback, stripStart }
}
