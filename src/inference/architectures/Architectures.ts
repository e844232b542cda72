/** From config.json to a decoder. */
import type { Either } from "effect"
import { type ConfigProblem, type Section, unsupported } from "../Config.js"
import type { Decoder } from "../Decoder.js"
import { type ArchitectureName, architectureName } from "../registry.js"
import { llama, llamaRows } from "./Llama.js"

type Build = (config: Section) => Either.Either<Decoder, ConfigProblem>

const builders: { readonly [Name in ArchitectureName]: Build } = {
  llama: llama(llamaRows.llama),
  qwen2: llama(llamaRows.qwen2),
  qwen3: llama(llamaRows.qwen3)
}

/** The decoder that a decoded config.json describes. Left: why there is none. */
export const buildDecoder = (config: Section): Either.Either<Decoder, ConfigProblem> => {
  const architecture = architectureName(config)
  return architecture._tag === "Known" ? builders[architecture.name](config) : unsupported(architecture.problem)
}
