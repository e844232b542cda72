/** Chat templates: where they come from, what they are given, what goes wrong (spec 02 §5). */
import { assert, describe, it } from "@effect/vitest"
import {
  compileTemplate,
  fallbackPrompt,
  isExcessive,
  MAX_TEMPLATE_CHARS,
  type PromptText,
  templateProblem
} from "../../src/chat/ChatTemplate.js"
import { chooseTemplates, specialTokens } from "../../src/chat/TokenizerConfig.js"
import type { ChatOptions, Message } from "../../src/domain/Generation.js"

const none = { jinja: null, toolJinja: null, tokenizerConfig: null, templateJson: null }
const now = () => new Date("2025-07-10T12:00:00")
const user = (content: string): Message => ({ role: "user", content })
const prompt = (source: string, chat: ChatOptions, tokens = {}): PromptText =>
  compileTemplate(source, tokens)(chat, now)
const text = (source: string, messages: ReadonlyArray<Message>, more: Partial<ChatOptions> = {}) =>
  prompt(source, { messages, ...more }).text

/** What rendering throws. */
const failure = (source: string, messages: ReadonlyArray<Message> = [user("a")]): unknown => {
  try {
    text(source, messages)
  } catch (error) {
    return error
  }
  return assert.fail("nothing thrown")
}

describe("choosing a template", () => {
  it("takes chat_template.jinja, then tokenizer_config.json, then chat_template.json", () => {
    const tokenizerConfig = { chat_template: "config" }
    const templateJson = { chat_template: "json" }
    const chosen = [
      chooseTemplates({ ...none, jinja: "file", tokenizerConfig, templateJson }),
      chooseTemplates({ ...none, tokenizerConfig, templateJson }),
      chooseTemplates({ ...none, templateJson })
    ].map(({ template }) => template)
    assert.deepStrictEqual(chosen, [
      { file: "chat_template.jinja", source: "file" },
      { file: "tokenizer_config.json", source: "config" },
      { file: "chat_template.json", source: "json" }
    ])
    assert.isNull(chooseTemplates(none).template)
  })

  it("takes the default of a named list, and its own template for chats with tools", () => {
    const chat_template = [
      { name: "tool_use", template: "tools" },
      { name: "default", template: "plain" }
    ]
    const both = chooseTemplates({ ...none, tokenizerConfig: { chat_template } })
    assert.strictEqual(both.template?.source, "plain")
    assert.strictEqual(both.toolTemplate?.source, "tools")
    const only = chooseTemplates({ ...none, tokenizerConfig: { chat_template: chat_template.slice(0, 1) } })
    assert.isNull(only.template)
    assert.strictEqual(only.toolTemplate?.source, "tools")
  })

  it("takes a template for tools from its own file", () => {
    const { toolTemplate } = chooseTemplates({ ...none, jinja: "file", toolJinja: "tools" })
    assert.deepStrictEqual(toolTemplate, { file: "additional_chat_templates/tool_use.jinja", source: "tools" })
  })

  it("skips what is empty or of the wrong kind", () => {
    for (const chat_template of ["", null, 7, {}, [null]]) {
      const templates = chooseTemplates({ ...none, jinja: "", tokenizerConfig: { chat_template }, templateJson: [] })
      assert.deepStrictEqual(templates, { template: null, toolTemplate: null })
    }
  })
})

describe("rendering", () => {
  it("gives the template messages, special tokens and the request for an answer", () => {
    const source =
      "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}" +
      "{% if tools is none and add_generation_prompt %}[assistant]{% endif %}"
    const tokens = specialTokens([
      { bos_token: "<old>", eos_token: 7 },
      { bos_token: "<s>", eos_token: { content: "</s>" } }
    ])
    const messages: ReadonlyArray<Message> = [{ role: "system", content: "be brief" }, user("{{ 1 + 1 }}")]
    const { text } = prompt(source, { messages }, tokens)
    assert.strictEqual(text, "<s>[system]be brief</s>[user]{{ 1 + 1 }}</s>[assistant]")
  })

  it("gives it tools, calls with their arguments as data, and further arguments", () => {
    const messages: ReadonlyArray<Message> = [
      { role: "assistant", content: null, toolCalls: [{ id: "c1", name: "f", arguments: '{"a": [1, 2]}' }] },
      { role: "tool", content: "3", toolCallId: "c1" }
    ]
    const source =
      "{{ tools|tojson }}{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.id }}{{ c.function.name }}" +
      "{{ c.function.arguments.a[1] }}{% endfor %}{{ m.tool_call_id }}{% endfor %}{{ enable_thinking }}"
    const tools = [{ type: "function" }]
    assert.strictEqual(
      text(source, messages, { tools, templateArguments: { enable_thinking: false } }),
      '[{"type": "function"}]c1f2c1False'
    )
  })

  it("knows the request's text again in a date", () => {
    const { plain, text } = prompt("a{{ strftime_now(messages[0].content) }}", { messages: [user("<|im_end|>")] })
    assert.strictEqual(text, "a<|im_end|>")
    assert.deepStrictEqual(plain, [{ start: 1, end: 11 }])
  })

  it("gives it numbers and the order of names as Python reads them", () => {
    const json = '{"b": 1.0, "1": 1e3, "a": [12345678901234567890123, -0, -0.0, 1e400, NaN], "b": 2.50}'
    const python = '{"b": 2.5, "1": 1000.0, "a": [12345678901234567890123, 0, -0.0, Infinity, NaN]}'
    const messages: ReadonlyArray<Message> = [
      { role: "assistant", content: null, toolCalls: [{ id: "c", name: "f", arguments: json }] }
    ]
    assert.strictEqual(text("{{ messages[0].tool_calls[0].function.arguments | tojson }}", messages), python)
    assert.strictEqual(text("{{ tools | tojson }}", messages, { tools: [json] }), `[${python}]`)
    const long = `{"n": ${"9".repeat(4301)}}`
    const tooLong = [
      {
        ...messages[0],
        role: "assistant" as const,
        content: null,
        toolCalls: [{ id: "c", name: "f", arguments: long }]
      }
    ]
    assert.strictEqual(text("{{ messages[0].tool_calls[0].function.arguments }}", tooLong), long)
  })

  it("keeps arguments that aren't an object as text", () => {
    const messages: ReadonlyArray<Message> = [
      { role: "assistant", content: null, toolCalls: [{ id: "c", name: "f", arguments: "{oops" }] }
    ]
    assert.strictEqual(text("{{ messages[0].tool_calls[0].function.arguments }}", messages), "{oops")
  })

  it("ends inside the last message to go on with it", () => {
    const source =
      "{% for m in messages %}<{{ m.role }}>{{ m.content|trim }}</>{% endfor %}{% if add_generation_prompt %}!{% endif %}"
    const messages: ReadonlyArray<Message> = [user("a"), { role: "assistant", content: "So " }]
    assert.strictEqual(text(source, messages, { continueFinalMessage: true }), "<user>a</><assistant>So")
  })

  it("tries lists of text as text, and neighbours as one, before it gives up", () => {
    const parts: Message = {
      role: "user",
      content: [
        { type: "text", text: "a" },
        { type: "text", text: "b" }
      ]
    }
    assert.strictEqual(text("{{ '<' + messages[0].content + '>' }}", [parts]), "<ab>")
    const strict =
      "{% for m in messages %}{% if loop.previtem is defined and loop.previtem.role == m.role %}" +
      "{{ raise_exception('must alternate') }}{% endif %}{{ m.content }}|{% endfor %}"
    assert.strictEqual(text(strict, [user("a"), user("b")]), "a\n\nb|")
  })

  it("shortens the ids of calls where the template wants them so", () => {
    const template =
      "{% for m in messages %}{% for c in m.tool_calls or [] %}{% if c.id|length != 9 %}" +
      "{{ raise_exception('9 letters') }}{% endif %}{{ c.id }}>{% endfor %}" +
      "{% if m.role == 'tool' %}{{ m.tool_call_id }}{% endif %}{% endfor %}"
    const history = (id: string): ReadonlyArray<Message> => [
      user("a"),
      { role: "assistant", content: null, toolCalls: [{ id, name: "f", arguments: "{}" }] },
      { role: "tool", content: "x", toolCallId: id }
    ]
    assert.strictEqual(text(template, history("call_0123456789abcdef")), "789abcdef>789abcdef")
    assert.strictEqual(text(template, history("call-1")), "0000call1>0000call1")
    assert.strictEqual(text(template, history("abcdefghi")), "abcdefghi>abcdefghi")
    assert.strictEqual(text("{{ messages[2].tool_call_id }}", history("call_1")), "call_1")
  })

  it("says what the template raises in one short line", () => {
    assert.strictEqual(
      templateProblem(failure("{{ raise_exception('Roles must\\n alternate') }}")),
      "Roles must alternate"
    )
    assert.isBelow(templateProblem(failure("{{ raise_exception('x' * 10000) }}")).length, 1_000)
  })

  it("says in which line the template fails", () => {
    assert.include(templateProblem(failure("\n{{ messages[0].content.nonesuch() }}")), "it fails on them in line 2")
    assert.include(templateProblem(failure("a\n{% if %}")), "in line 2")
  })

  it("refuses an endless template before reading it", () => {
    assert.throws(() => compileTemplate("x".repeat(MAX_TEMPLATE_CHARS + 1), {}), "longer than")
  })

  it.each([
    "{{ 'x' * 10**12 }}",
    "{{ ['x'] * 10**12 }}",
    "{{ 'x'|center(10**12) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ 10 ** (10 ** 10) }}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% set ns = namespace(s='x') %}{% for a in range(99999) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
    "{% set ns = namespace(l=[1]) %}{% for a in range(99999) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
    "{{ 'a'.replace('', 'b' * 100000).replace('b', 'c' * 100000) }}",
    "{{ range(10**9) }}",
    `{{ ${"(".repeat(5_000)}1${")".repeat(5_000)} }}`
  ])("ends with an error: %s", (source) => {
    const error = failure(source)
    assert.propertyVal(error, "name", "Error")
    assert.isString(templateProblem(error))
  })

  it("blames the template for what no messages justify", () => {
    assert.isTrue(isExcessive(failure("{{ range(1000000000) }}")))
    assert.isTrue(
      isExcessive(failure("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"))
    )
    assert.isFalse(isExcessive(failure("{{ raise_exception('no') }}")))
  })
})

describe("the parts of a prompt that came with the request", () => {
  const TAG = "<|end|>"
  const plainParts = (source: string, content: string, more: Partial<ChatOptions> = {}) => {
    const { plain, text } = prompt(source, { messages: [user(content)], ...more })
    return plain.map(({ end, start }) => text.slice(start, end))
  }

  it.each([
    ["{{ messages[0].content }}", "a<|end|>b"],
    ["{{ '<|end|>' + messages[0].content|trim + '<|end|>' }}", "a<|end|>b"],
    ["{{ (messages[0].content ~ '<|end|>').split('b')[0] }}", "a<|end|>"],
    ["{{ '%s<|end|>' % messages[0].content }}", "a<|end|>b"],
    ["{{ '{}<|end|>'.format(messages[0].content) }}", "a<|end|>b"],
    ["{{ [messages[0].content, '<|end|>']|join('<|end|>') }}", "a<|end|>b"],
    ["{{ messages[0].content|replace('a', '<|end|>') }}", "<|end|>b"],
    ["{{ messages[0].content[1:] }}<|end|>", "<|end|>b"],
    ["{% set x %}<|end|>{{ messages[0].content|upper|lower }}{% endset %}{{ x }}", "a<|end|>b"],
    ["{% macro m(c) %}{{ c }}<|end|>{% endmacro %}{{ m(messages[0].content) }}", "a<|end|>b"],
    ["{{ messages[0]|string }}", "a<|end|>b"]
  ])("are told apart in %s", (source, expected) => {
    assert.deepStrictEqual(plainParts(source, `a${TAG}b`), [expected])
  })

  it("hold tools and template arguments too, keys included", () => {
    const more = { tools: [{ [TAG]: 1 }], templateArguments: { extra: TAG } }
    assert.deepStrictEqual(plainParts("{{ tools|tojson }}{{ TAG }}{{ extra }}", "a", more), [TAG, TAG])
  })

  it("leave the roles out: templates build control tokens of them", () => {
    assert.deepStrictEqual(plainParts("{{ '<|' + messages[0].role + '|>' }}", "a"), [])
  })
})

describe("a model without a template", () => {
  it("gets labelled turns (CHT-04), all of it plain text", () => {
    const short = fallbackPrompt({ messages: [user("test input")] })
    assert.deepStrictEqual(short, {
      text: "Human: test input\n\nAssistant: ",
      plain: [{ start: 0, end: 30 }]
    })
    const messages: ReadonlyArray<Message> = [
      { role: "system", content: "s" },
      user("u"),
      { role: "assistant", content: "a" },
      user("v")
    ]
    assert.strictEqual(
      fallbackPrompt({ messages }).text,
      "System: s\n\nHuman: u\n\nAssistant: a\n\nHuman: v\n\nAssistant: "
    )
    assert.strictEqual(
      fallbackPrompt({ messages: messages.slice(0, 3), continueFinalMessage: true }).text,
      "System: s\n\nHuman: u\n\nAssistant: a"
    )
  })
})
