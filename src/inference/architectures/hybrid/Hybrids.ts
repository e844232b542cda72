/** The families with recurrent layers. */
import type { Build } from "../../Decoder.js"
import { languageModel, wrapped } from "../Wrappers.js"
import { bailingHybrid, bailingMoeLinear } from "./BailingLinear.js"
import { bailingV3 } from "./BailingV3.js"
import { falconH1 } from "./FalconH1.js"
import { gear } from "./Gear.js"
import { graniteHybrid } from "./GraniteHybrid.js"
import { jamba } from "./Jamba.js"
import { kimiLinear } from "./KimiLinear.js"
import { lfm2, lfm2Moe } from "./Lfm2.js"
import { mambaDecoder } from "./Mamba.js"
import { mamba2Decoder } from "./Mamba2.js"
import { nemotronH } from "./NemotronH.js"
import { olmoHybrid } from "./OlmoHybrid.js"
import { plamo2 } from "./Plamo2.js"
import { qwen3Next, qwen35 } from "./QwenDelta.js"
import { recurrentGemma } from "./RecurrentGemma.js"
import { rwkv7 } from "./Rwkv7.js"

/** One model type stands for two generations. */
const bailing: Build = (config) => {
  const { architectures } = config
  const isThird = Array.isArray(architectures) && architectures.includes("BailingMoeV3ForCausalLM")
  return isThird ? bailingV3(config) : bailingHybrid(config)
}

export const hybrids = {
  bailing_hybrid: bailing,
  bailing_moe_linear: bailingMoeLinear,
  falcon_h1: falconH1,
  falcon_mamba: mambaDecoder(true),
  gear,
  granitemoehybrid: graniteHybrid,
  jamba,
  kimi_linear: kimiLinear,
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
  recurrent_gemma: recurrentGemma,
  rwkv7
}
