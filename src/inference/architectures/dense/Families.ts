/** The dense families by name: rows of the table, and wrappers around some of them. */
import { Record as Table } from "effect"
import type { Build } from "../../Decoder.js"
import { mistral4 } from "../latent/Mistral4.js"
import { languageModel, visualLanguageModel, wrapped } from "../Wrappers.js"
import { dense } from "./Dense.js"
import { gptRows } from "./RowsGpt.js"
import { llamaRows } from "./RowsLlama.js"
import { namedRows } from "./RowsNamed.js"
import { patternedRows } from "./RowsPatterned.js"

const rows = { ...llamaRows, ...gptRows, ...namedRows, ...patternedRows }

const VISION = /^(model\.)?(vision_tower|multi_modal_projector)\./

export const denseFamilies = {
  ...Table.map(rows, dense),
  gemma3: wrapped(
    languageModel(
      (text, { vocab_size = 262_208 }) => ({ num_attention_heads: 8, num_key_value_heads: 4, ...text, vocab_size }),
      VISION
    ),
    () => dense(rows.gemma3_text)
  ),
  mistral3: wrapped(
    languageModel((text) => ({ tie_word_embeddings: false, ...text }), VISION),
    ({ model_type: type }) =>
      type === "mistral4" ? mistral4 : dense(type === "ministral3" ? rows.ministral3 : rows.llama)
  ),
  pixtral: wrapped(
    languageModel((text) => ({ num_attention_heads: 32, ...text, tie_word_embeddings: false }), VISION),
    () => dense(rows.llama)
  ),
  qwen2_vl: wrapped(visualLanguageModel, () => dense(rows.qwen2)),
  qwen3_vl: wrapped(visualLanguageModel, () => dense(rows.qwen3))
} as const satisfies Readonly<Record<string, Build>>
