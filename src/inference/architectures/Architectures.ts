/** From config.json to a decoder. */
import type { Either } from "effect"
import { type ConfigProblem, type Section, unsupported } from "../Config.js"
import type { Build, Decoder } from "../Decoder.js"
import { type ArchitectureName, architectureName } from "../registry.js"
import { denseFamilies } from "./dense/Families.js"
import { expertFamilies } from "./experts/Families.js"
import { hybrids } from "./hybrid/Hybrids.js"
import { latentFamilies } from "./latent/Families.js"
import { specialFamilies } from "./special/Families.js"

const builders: { readonly [Name in ArchitectureName]: Build } = {
  ...denseFamilies,
  ...specialFamilies,
  ...expertFamilies,
  ...latentFamilies,
  ...hybrids
}

/** The decoder that a decoded config.json describes, for a checkpoint with these tensors. Left: why there is none. */
export const buildDecoder = (config: Section, stored: ReadonlySet<string>): Either.Either<Decoder, ConfigProblem> => {
  const architecture = architectureName(config)
  return architecture._tag === "Known" ? builders[architecture.name](config, stored) : unsupported(architecture.problem)
}
