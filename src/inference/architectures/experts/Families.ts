/** The families with experts or latent attention, by the names that the registry gives them. */
import type { Build } from "../../Decoder.js"
import { deepseekV2, deepseekV3, deepseekV32, glm4MoeLite, glmMoeDsa, kimiText } from "../latent/Deepseek.js"
import { longcatFlash, longcatNgram } from "../latent/Longcat.js"
import { miniCpm3 } from "../latent/MiniCpm3.js"
import { mistral4 } from "../latent/Mistral4.js"
import { youtuLlm } from "../latent/Youtu.js"
import { afmoe } from "./Afmoe.js"
import { bailingMoe } from "./Bailing.js"
import { dbrx } from "./Dbrx.js"
import { deepseek } from "./Deepseek.js"
import { dots1 } from "./Dots.js"
import { ernieMoe } from "./Ernie.js"
import { exaoneMoe } from "./Exaone.js"
import { glm4Moe, solarOpen } from "./Glm.js"
import { gptOss } from "./GptOss.js"
import { klear } from "./Klear.js"
import { laguna } from "./Laguna.js"
import { llama4, llama4Text } from "./Llama4.js"
import { mimoV2Flash } from "./Mimo.js"
import { minimax } from "./Minimax.js"
import { minimaxM3 } from "./MinimaxM3.js"
import { graniteMoe, mixtral, phiMoe } from "./Mixtral.js"
import { olmoe } from "./Olmoe.js"
import { phixtral } from "./Phixtral.js"
import { qwen2Moe, qwen3Moe, qwen3VlMoe } from "./Qwen.js"
import { step3p5 } from "./Step.js"

export const expertFamilies = {
  Klear: klear,
  afmoe,
  bailing_moe: bailingMoe,
  dbrx,
  deepseek,
  deepseek_v2: deepseekV2,
  deepseek_v3: deepseekV3,
  deepseek_v32: deepseekV32,
  dots1,
  ernie4_5_moe: ernieMoe,
  exaone_moe: exaoneMoe,
  glm4_moe: glm4Moe,
  glm4_moe_lite: glm4MoeLite,
  glm_moe_dsa: glmMoeDsa,
  gpt_oss: gptOss,
  granitemoe: graniteMoe,
  kimi_k25: kimiText,
  kimi_vl: kimiText,
  laguna,
  llama4,
  llama4_text: llama4Text,
  longcat_flash: longcatFlash,
  longcat_flash_ngram: longcatNgram,
  mimo_v2_flash: mimoV2Flash,
  minicpm3: miniCpm3,
  minimax_m2: minimax,
  minimax_m3_vl: minimaxM3,
  mistral4,
  mixtral,
  olmoe,
  "phi-msft": phixtral,
  phimoe: phiMoe,
  qwen2_moe: qwen2Moe,
  qwen3_moe: qwen3Moe,
  qwen3_vl_moe: qwen3VlMoe,
  solar_open: solarOpen,
  step3p5,
  youtu_llm: youtuLlm
} as const satisfies Readonly<Record<string, Build>>
