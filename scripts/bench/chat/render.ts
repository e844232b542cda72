/**
 * Rendering a chat of 100 messages with the golden chat templates, and Jinja2 on the same data in the same run:
 *
 *     npm run bench:chat -- [PYTHON]
 *
 * PYTHON is an interpreter that has transformers and jinja2; without one only our own figures are printed.
 */
import { spawnSync } from "node:child_process"
import { loadavg } from "node:os"
import { join } from "node:path"
import { Schema } from "effect"
import { compileChat } from "../../../src/chat/ChatPrompt.js"
import { raw } from "../../../src/chat/jinja/Text.js"
import { Chats } from "../../check/templates.js"
import { readCases } from "../../check/Verdict.js"

const MESSAGES = 100
const REPEATS = 20
const ROUNDS = 5
const now = () => new Date()

const messages = Array.from({ length: MESSAGES }, (_, i) => ({
  role: i % 2 === 0 ? "user" : "assistant",
  content: `Message ${i}: ${"some words about <things> & others, ".repeat(10)}`
}))

const { templates } = readCases(Chats, join(import.meta.dirname, "../../../test/golden/templates/chats.json"))

/** Milliseconds of processor time for one rendering: the best of some rounds, the first of which warms up. */
const timed = (render: () => unknown): number => {
  const rounds = Array.from({ length: ROUNDS + 1 }, () => {
    const start = process.cpuUsage()
    for (let i = 0; i < REPEATS; i++) render()
    const { system, user } = process.cpuUsage(start)
    return (system + user) / 1000 / REPEATS
  })
  return Math.min(...rounds.slice(1))
}

const Reference = Schema.parseJson(
  Schema.Record({ key: Schema.String, value: Schema.Struct({ millis: Schema.Number, text: Schema.String }) })
)

const reference = (python: string) => {
  const variables = (tokens: Readonly<Record<string, string>>) => ({
    ...tokens,
    messages,
    tools: null,
    documents: null,
    add_generation_prompt: true
  })
  const work = {
    repeats: REPEATS,
    templates: Object.fromEntries(templates.map(({ name, template }) => [name, template])),
    variables: Object.fromEntries(templates.map(({ name, special_tokens }) => [name, variables(special_tokens)]))
  }
  const { status, stdout } = spawnSync(python, [join(import.meta.dirname, "render.py")], {
    input: JSON.stringify(work),
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    stdio: ["pipe", "pipe", "inherit"]
  })
  if (status !== 0) throw new Error(`${python} failed`)
  return Schema.decodeUnknownSync(Reference)(stdout)
}

const [python] = process.argv.slice(2)
const theirs = python === undefined ? {} : reference(python)
for (const { name, special_tokens, template } of templates) {
  const render = compileChat(template, special_tokens)
  const input = { messages, tools: null, addGenerationPrompt: true, continueFinalMessage: false, templateArguments: {} }
  const millis = timed(() => raw(render(input, now)))
  const other = theirs[name]
  const same = other === undefined || other.text === raw(render(input, now))
  const ratio =
    other === undefined ? "" : ` jinja2 ${other.millis.toFixed(2)} ms, ratio ${(millis / other.millis).toFixed(2)}`
  console.log(`${name.padEnd(14)} ${millis.toFixed(2)} ms${ratio}${same ? "" : " DIFFERENT TEXT"}`)
}
console.log(`load ${(loadavg()[0] ?? 0).toFixed(1)}`)
