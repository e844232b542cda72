/**
 * One tokenizer of ours for `bench.ts`: `encode.ts FOLDER TEXTS`, TEXTS a JSON file. For each line on stdin the texts are
 * encoded once, one after the other, and the seconds of processor time are printed.
 */
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { Effect, Schema } from "effect"
import { loadTokenizer } from "../../check/tokenizers.js"

const [folder = "", file = ""] = process.argv.slice(2)
const texts = Schema.decodeUnknownSync(Schema.parseJson(Schema.Array(Schema.String)))(readFileSync(file, "utf8"))
const { encode } = await loadTokenizer(folder)
for await (const _ of createInterface(process.stdin)) {
  const start = process.cpuUsage()
  for (const text of texts) await Effect.runPromise(encode(text, { addSpecialTokens: false }))
  const { system, user } = process.cpuUsage(start)
  console.log((system + user) / 1e6)
}
