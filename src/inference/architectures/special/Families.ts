/** Dense families that are no row of the table, by name. */
import type { Build } from "../../Decoder.js"
import { languageModel, wrapped } from "../Wrappers.js"
import { afm7 } from "./Afm7.js"
import { baichuanM1 } from "./Baichuan.js"
import { gemma3n } from "./Gemma3n.js"
import { gemma4Text } from "./Gemma4.js"
import { hunyuan } from "./Hunyuan.js"
import { iquestLoopCoder } from "./IQuestLoop.js"
import { mellum } from "./Mellum.js"
import { nanbeige } from "./Nanbeige.js"
import { nemotronNas } from "./NemotronNas.js"
import { openelm } from "./Openelm.js"
import { talkie } from "./Talkie.js"

/** What else Gemma 4 has: pictures and sound. */
const OTHERS = /^(model\.)?(vision_tower|multi_modal_projector|audio_tower|embed_audio|embed_vision|vision_embedder)\./

export const specialFamilies = {
  afm7,
  baichuan_m1: baichuanM1,
  gemma3n,
  gemma4: wrapped(
    languageModel(
      (text, { vocab_size = 262_144 }) => ({ num_attention_heads: 8, num_key_value_heads: 1, ...text, vocab_size }),
      OTHERS
    ),
    () => gemma4Text
  ),
  gemma4_text: gemma4Text,
  hunyuan,
  iquestloopcoder: iquestLoopCoder,
  mellum,
  nanbeige,
  "nemotron-nas": nemotronNas,
  openelm,
  talkie
} as const satisfies Readonly<Record<string, Build>>
