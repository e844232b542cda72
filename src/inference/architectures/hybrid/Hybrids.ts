/** The families with recurrent layers. */
import { falconH1 } from "./FalconH1.js"
import { graniteHybrid } from "./GraniteHybrid.js"
import { jamba } from "./Jamba.js"
import { lfm2, lfm2Moe } from "./Lfm2.js"
import { mambaDecoder } from "./Mamba.js"
import { mamba2Decoder } from "./Mamba2.js"
import { nemotronH } from "./NemotronH.js"

export const hybrids = {
  falcon_h1: falconH1,
  falcon_mamba: mambaDecoder(true),
  granitemoehybrid: graniteHybrid,
  jamba,
  lfm2,
  lfm2_moe: lfm2Moe,
  mamba: mambaDecoder(false),
  mamba2: mamba2Decoder,
  nemotron_h: nemotronH
}
