/** Templates against transformers' own rendering, and what a prefix cache lives on. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { fuzzTemplates } from "../../scripts/check/fuzz.js"
import { Chats, checkTemplates } from "../../scripts/check/templates.js"
import { collect, readCases } from "../../scripts/check/Verdict.js"
import { compileTemplate } from "../../src/chat/ChatTemplate.js"
import type { Message } from "../../src/domain/Generation.js"

const golden = join(import.meta.dirname, "../golden")

describe("templates", () => {
  it("render as in Python", async () => {
    const verdicts = await collect(checkTemplates(golden))
    assert.deepStrictEqual(
      verdicts.filter(({ problem }) => problem !== null),
      []
    )
    assert.isAbove(verdicts.length, 800)
  })
})

describe("random templates", () => {
  it("end with text or with an error of their own", () => {
    const verdicts = [...fuzzTemplates({ runs: 1_500, seed: 3, timed: false })]
    assert.deepStrictEqual(
      verdicts.filter(({ problem }) => problem !== null),
      []
    )
  })
})

describe("a template's text", () => {
  it.each([
    ["{{ '<'|e|list }}", "['&', 'l', 't', ';']"],
    ["{% for c in '<'|e %}{{ [c] }}{% endfor %}", "['&']['l']['t'][';']"],
    [
      "{{ 'abcdefghijklmnopqrs'|groupby(1, default='x')|list|pprint }}",
      "[('x', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's'])]"
    ]
  ])("is Python's: %s", (source, expected) => {
    const render = compileTemplate(source, {})
    assert.strictEqual(render({ messages: [{ role: "user", content: "" }] }, () => new Date(0)).text, expected)
  })

  it("is none without messages, whatever the template makes of them", () => {
    assert.throws(() => compileTemplate("x", {})({ messages: [] }, () => new Date(0)), /empty conversation/)
  })
})

/** Each took minutes or more: what a template does with long texts is counted, whatever filter does it. */
const EXCESSIVE = [
  "{{ ('a' * 300000)|wordwrap(1) }}",
  "{% set s = 'a' * 500000 %}{% for i in range(90000) %}{{ s[i] }}{% endfor %}",
  "{% set s = 'a' * 500000 %}{% for i in range(90000) %}{% if s|length == 1 %}{% endif %}{% endfor %}",
  "{% set s = 'a' * 500000 %}{% set t = s ~ '' %}{% for i in range(90000) %}{{ s ~ 'b' == t ~ 'c' }}{% endfor %}",
  "{% set ns = namespace(l=[1]) %}{% for i in range(50) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|pprint }}"
]

describe("templates that do too much with long texts", () => {
  it.each(EXCESSIVE)("are ended: %s", (source) => {
    const render = compileTemplate(source, {})
    assert.throws(() => render({ messages: [{ role: "user", content: "hello" }] }, () => new Date(0)), /more work/)
  })

  it.each([
    ["{{ ('1' * 300000 ~ 'x')|float }}", "0.0"],
    ["{{ '/no_think pleaseCONTINUE'|wordwrap(10) }}", "/no_think \npleaseCONT\nINUE"],
    ["{{ ((messages[0].content ~ 'a') * 50000).split('a')|length }}", "50001"]
  ])("or give their text: %s", (source, expected) => {
    const render = compileTemplate(source, {})
    assert.strictEqual(render({ messages: [{ role: "user", content: "hello" }] }, () => new Date(0)).text, expected)
  })
})

describe("the prompt of a longer chat", () => {
  const now = () => new Date("2025-07-10T12:00:00")
  const turns: ReadonlyArray<Message> = Array.from({ length: 9 }, (_, i) =>
    i === 0
      ? { role: "system", content: "Be brief." }
      : { role: i % 2 === 1 ? "user" : "assistant", content: `turn ${i}, <b>é</b>` }
  )
  const { templates } = readCases(Chats, golden, "templates", "chats.json")
  /** What asks for the next answer, which may be opened otherwise than an old one is shown. */
  const OPENING_CHARS = 40

  it.each(templates.map((template) => [template.name, template] as const))(
    "begins with the one of the turn before: %s",
    (_, { special_tokens, template }) => {
      const render = compileTemplate(template, special_tokens)
      const [first, ...later] = [2, 4, 6, 8].map((count) => render({ messages: turns.slice(0, count) }, now).text)
      later.reduce((before = "", prompt) => {
        assert.isAtLeast(commonLength(prompt, before), before.length - OPENING_CHARS)
        return prompt
      }, first)
    }
  )
})

const commonLength = (a: string, b: string): number => {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return length
}
