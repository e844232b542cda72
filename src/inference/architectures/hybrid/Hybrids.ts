/** The families with recurrent layers. */
import { lfm2, lfm2Moe } from "./Lfm2.js"
import { mambaDecoder } from "./Mamba.js"
import { mamba2Decoder } from "./Mamba2.js"

export const hybrids = {
  falcon_mamba: mambaDecoder(true),
  lfm2,
  lfm2_moe: lfm2Moe,
  mamba: mambaDecoder(false),
  mamba2: mamba2Decoder
}
