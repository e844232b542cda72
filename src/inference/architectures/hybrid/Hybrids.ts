/** The families with recurrent layers. */
import { languageModel, wrapped } from "../Wrappers.js"
import { falconH1 } from "./FalconH1.js"
import { graniteHybrid } from "./GraniteHybrid.js"
import { jamba } from "./Jamba.js"
import { lfm2, lfm2Moe } from "./Lfm2.js"
import { mambaDecoder } from "./Mamba.js"
import { mamba2Decoder } from "./Mamba2.js"
import { nemotronH } from "./NemotronH.js"
import { olmoHybrid } from "./OlmoHybrid.js"
import { plamo2 } from "./Plamo2.js"
import { qwen3Next, qwen35 } from "./QwenDelta.js"
import { recurrentGemma } from "./RecurrentGemma.js"

export const hybrids = {
  falcon_h1: falconH1,
  falcon_mamba: mambaDecoder(true),
  granitemoehybrid: graniteHybrid,
  jamba,
  lfm2,
  "lfm2-vl": wrapped(
    languageModel((text) => text, /^(model\.)?(vision_tower|multi_modal_projector)\./),
    () => lfm2
  ),
  lfm2_moe: lfm2Moe,
  mamba: mambaDecoder(false),
  mamba2: mamba2Decoder,
  nemotron_h: nemotronH,
  olmo_hybrid: olmoHybrid,
  plamo2,
  qwen3_5: qwen35,
  qwen3_5_moe: qwen35,
  qwen3_next: qwen3Next,
  recurrent_gemma: recurrentGemma
}
