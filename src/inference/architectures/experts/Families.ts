/** The families with experts, by the names that the registry gives them. */
import type { Build } from "../Architectures.js"
import { deepseek } from "./Deepseek.js"
import { graniteMoe, mixtral, phiMoe } from "./Mixtral.js"
import { olmoe } from "./Olmoe.js"
import { qwen2Moe, qwen3Moe } from "./Qwen.js"

export const expertFamilies = {
  deepseek,
  granitemoe: graniteMoe,
  mixtral,
  olmoe,
  phimoe: phiMoe,
  qwen2_moe: qwen2Moe,
  qwen3_moe: qwen3Moe
} as const satisfies Readonly<Record<string, Build>>
