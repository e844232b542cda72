/** The families with experts, by the names that the registry gives them. */
import type { Build } from "../../Decoder.js"
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
  dots1,
  ernie4_5_moe: ernieMoe,
  exaone_moe: exaoneMoe,
  glm4_moe: glm4Moe,
  gpt_oss: gptOss,
  granitemoe: graniteMoe,
  laguna,
  llama4,
  llama4_text: llama4Text,
  mimo_v2_flash: mimoV2Flash,
  minimax_m2: minimax,
  minimax_m3_vl: minimaxM3,
  mixtral,
  olmoe,
  "phi-msft": phixtral,
  phimoe: phiMoe,
  qwen2_moe: qwen2Moe,
  qwen3_moe: qwen3Moe,
  qwen3_vl_moe: qwen3VlMoe,
  solar_open: solarOpen,
  step3p5
} as const satisfies Readonly<Record<string, Build>>
