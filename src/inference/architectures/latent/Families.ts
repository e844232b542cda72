/** The families with latent attention, by the names that the registry gives them. */
import type { Build } from "../../Decoder.js"
import { deepseekV2, deepseekV3, deepseekV32, glm4MoeLite, glmMoeDsa, kimiText } from "./Deepseek.js"
import { longcatFlash, longcatNgram } from "./Longcat.js"
import { miniCpm3 } from "./MiniCpm3.js"
import { mistral4 } from "./Mistral4.js"
import { youtuLlm } from "./Youtu.js"

export const latentFamilies = {
  deepseek_v2: deepseekV2,
  deepseek_v3: deepseekV3,
  deepseek_v32: deepseekV32,
  glm4_moe_lite: glm4MoeLite,
  glm_moe_dsa: glmMoeDsa,
  kimi_k25: kimiText,
  kimi_vl: kimiText,
  longcat_flash: longcatFlash,
  longcat_flash_ngram: longcatNgram,
  minicpm3: miniCpm3,
  mistral4,
  youtu_llm: youtuLlm
} as const satisfies Readonly<Record<string, Build>>
