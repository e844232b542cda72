/** The demo checkpoint without an end: its end-of-turn token is an ordinary special token, its context is long. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const CHECKPOINT = fileURLToPath(new URL("../../scripts/demo/checkpoint", import.meta.url))

export const ENDLESS = "mlx-community/endless"

/** Lays it down in the cache of `home`. */
export const layEndless = (home: string): void => {
  const directory = join(home, "hub", "models--mlx-community--endless", "snapshots", "0".repeat(40))
  mkdirSync(directory, { recursive: true })
  cpSync(CHECKPOINT, directory, { recursive: true })
  for (const name of ["tokenizer.json", "tokenizer_config.json", "config.json", "generation_config.json"]) {
    const file = join(directory, name)
    const text = readFileSync(file, "utf8").replaceAll("<|im_end|>", "<|turn|>")
    const json = JSON.parse(text)
    if ("eos_token_id" in json) json.eos_token_id = 100_000
    if ("eos_token" in json) json.eos_token = null
    if ("max_position_embeddings" in json) json.max_position_embeddings = 1_000_000
    writeFileSync(file, JSON.stringify(json))
  }
}
