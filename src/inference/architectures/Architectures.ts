/** From config.json to a decoder. */
import type { Either } from "effect"
import { type ConfigProblem, type Section, unsupported } from "../Config.js"
import type { Decoder } from "../Decoder.js"
import { type ArchitectureName, architectureName } from "../registry.js"
import { expertFamilies } from "./experts/Families.js"
import { hybrids } from "./hybrid/Hybrids.js"
import { llama, llamaRows } from "./Llama.js"

/** `stored` are the names of the checkpoint's tensors: some families are tied exactly when there is no head. */
export type Build = (config: Section, stored: ReadonlySet<string>) => Either.Either<Decoder, ConfigProblem>

const builders: { readonly [Name in ArchitectureName]: Build } = {
  llama: llama(llamaRows.llama),
  qwen2: llama(llamaRows.qwen2),
  qwen3: llama(llamaRows.qwen3),
  ...expertFamilies,
  ...hybrids
}

/** The decoder that a decoded config.json describes, for a checkpoint with these tensors. Left: why there is none. */
export const buildDecoder = (config: Section, stored: ReadonlySet<string>): Either.Either<Decoder, ConfigProblem> => {
  const architecture = architectureName(config)
  return architecture._tag === "Known" ? builders[architecture.name](config, stored) : unsupported(architecture.problem)
}
