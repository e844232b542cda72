/**
 * Random conversations through every golden chat template and random texts through every golden tokenizer, against
 * transformers in the same run:
 *
 *     npm run check:text -- PYTHON [COUNT] [SEED]
 *
 * PYTHON is an interpreter that has transformers. COUNT conversations per template (2,000) and five times as many texts per
 * tokenizer, the same ones for the same SEED.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeRandom, type Random } from "./Random.js"
import { Chats, checkTemplates } from "./templates.js"
import { type Counts, checkTexts } from "./text-tokens.js"
import { readCases } from "./Verdict.js"

const TEXTS = [
  "Hi",
  "",
  " leading and trailing \n",
  "Grüße, 日本 😀",
  "<|im_end|> <think>so</think>\n\nanswer",
  "<think>\nhm\n</think>\n\nyes",
  '{"a": [1, 2.5, null]}',
  "line\nline\r\nline\u2028",
  'it\'s "quoted" \\ <b>&amp;</b>',
  "/no_think please",
  "\u00a0\u3000wide\u200b",
  "{{ 1 + 1 }} {% if x %}",
  "[INST] x [/INST]</s>"
] as const
const ROLES = ["user", "user", "assistant", "assistant", "system", "tool", "developer"] as const
const ARGUMENTS = [
  {},
  { city: "Köln" },
  { a: 1, b: [true, null, { c: "<x>" }], "k-é": 0.5 },
  '{"as": "text"}',
  ""
] as const
const SCHEMAS = [
  { type: "object", properties: { city: { type: "string", description: "A <city>" } }, required: ["city"] },
  {
    type: "object",
    properties: { n: { type: ["integer", "null"], default: 3 }, e: { enum: ["a", "b"] } },
    required: []
  },
  { type: "object", properties: {} }
] as const

const content = (random: Random): unknown => {
  const kind = random.below(10)
  if (kind === 0) return null
  if (kind > 1) return random.pick(TEXTS)
  return Array.from({ length: random.below(3) + 1 }, () =>
    random.chance(0.8) ? { type: "text", text: random.pick(TEXTS) } : { type: "image" }
  )
}

const call = (random: Random) => ({
  ...(random.chance(0.8) ? { id: random.pick(["call12345", "c1", ""]) } : {}),
  type: "function",
  function: { name: random.pick(["get_weather", "f", "läuft"]), arguments: random.pick(ARGUMENTS) }
})

const message = (random: Random, role: string): Record<string, unknown> => ({
  role,
  ...(random.chance(0.95) ? { content: content(random) } : {}),
  ...(role === "assistant" && random.chance(0.3)
    ? { tool_calls: Array.from({ length: random.below(3) }, () => call(random)) }
    : {}),
  ...(role === "assistant" && random.chance(0.2)
    ? { [random.pick(["reasoning_content", "thinking", "reasoning"])]: random.pick([...TEXTS, null]) }
    : {}),
  ...(role === "tool" && random.chance(0.7) ? { tool_call_id: "call12345", name: "f" } : {})
})

/** Mostly well-formed turns, so that most conversations get past a template's checks. */
const messages = (random: Random): ReadonlyArray<Record<string, unknown>> => {
  const count = random.below(6) + 1
  const start = random.chance(0.4) ? [message(random, "system")] : []
  const turn = (i: number) => (random.chance(0.8) ? (i % 2 === 0 ? "user" : "assistant") : random.pick(ROLES))
  return [...start, ...Array.from({ length: count }, (_, i) => message(random, turn(i)))]
}

const tool = (random: Random) => ({
  type: "function",
  function: {
    name: random.pick(["get_weather", "f"]),
    description: random.pick(TEXTS),
    parameters: random.pick(SCHEMAS)
  }
})

const conversation = (random: Random, name: string) => {
  const continues = random.chance(0.1)
  return {
    name,
    messages: messages(random),
    ...(random.chance(0.3) ? { tools: Array.from({ length: random.below(3) + 1 }, () => tool(random)) } : {}),
    ...(random.chance(0.1) ? { documents: [{ title: random.pick(TEXTS), text: random.pick(TEXTS) }] } : {}),
    add_generation_prompt: !continues && random.chance(0.7),
    ...(continues ? { continue_final_message: true } : {}),
    kwargs: random.chance(0.3)
      ? { enable_thinking: random.chance(0.5), reasoning_effort: random.pick(["low", "high"]) }
      : {}
  }
}

const ask = (python: string, count: number, seed: number): string => {
  const random = makeRandom(seed)
  const { now, templates } = readCases(Chats, import.meta.dirname, "../../test/golden/templates/chats.json")
  const conversations = Array.from({ length: count }, (_, i) => conversation(random, `random ${seed}/${i}`))
  const { status, stdout } = spawnSync(python, [join(import.meta.dirname, "chats.py")], {
    input: JSON.stringify({ now, templates, conversations, cases: [] }),
    encoding: "utf8",
    maxBuffer: 2 ** 30,
    stdio: ["pipe", "pipe", "inherit"]
  })
  if (status !== 0) throw new Error(`${python} failed`)
  return stdout
}

const checkChats = async (python: string, count: number, seed: number): Promise<Counts> => {
  const directory = mkdtempSync(join(tmpdir(), "mlxk-text-"))
  try {
    mkdirSync(join(directory, "templates"))
    writeFileSync(join(directory, "templates", "chats.json"), ask(python, count, seed))
    const counts = { passed: 0, failed: 0 }
    for await (const { name, problem } of checkTemplates(directory)) {
      if (problem !== null) console.log(`FAIL ${name}: ${problem}`)
      counts[problem === null ? "passed" : "failed"]++
    }
    return counts
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const TEXTS_PER_CHAT = 5

const main = async (python: string, count: number, seed: number): Promise<number> => {
  const chats = await checkChats(python, count, seed)
  const golden = join(import.meta.dirname, "../../test/golden")
  const texts = await checkTexts(golden, { python, count: TEXTS_PER_CHAT * count, seed })
  const failed = chats.failed + texts.failed
  console.log(`${chats.passed + texts.passed} passed, ${failed} failed`)
  return failed === 0 && chats.passed > 0 && texts.passed > 0 ? 0 : 1
}

const [python, count = "2000", seed = "1"] = process.argv.slice(2)
if (python === undefined) {
  console.error("usage: check:text PYTHON [COUNT] [SEED]")
  process.exitCode = 2
} else {
  main(python, Number(count), Number(seed)).then(
    (code) => {
      process.exitCode = code
    },
    (error: unknown) => {
      console.error(error)
      process.exitCode = 1
    }
  )
}
