/** Chat templates: where they come from, what they are given, what goes wrong (spec 02 §5). */
import { assert, describe, it } from "@effect/vitest"
import {
  compileTemplate,
  fallbackPrompt,
  MAX_TEMPLATE_CHARS,
  TemplateExcessive,
  TemplateRaised,
  templateProblem
} from "../../src/chat/ChatTemplate.js"
import { chooseTemplate, specialTokens } from "../../src/chat/TokenizerConfig.js"

const none = { jinja: null, tokenizerConfig: null, templateJson: null }

describe("choosing a template", () => {
  it("takes chat_template.jinja, then tokenizer_config.json, then chat_template.json", () => {
    const tokenizerConfig = { chat_template: "config" }
    const templateJson = { chat_template: "json" }
    const chosen = [
      chooseTemplate({ jinja: "file", tokenizerConfig, templateJson }),
      chooseTemplate({ jinja: null, tokenizerConfig, templateJson }),
      chooseTemplate({ ...none, templateJson })
    ]
    assert.deepStrictEqual(chosen, [
      { file: "chat_template.jinja", source: "file" },
      { file: "tokenizer_config.json", source: "config" },
      { file: "chat_template.json", source: "json" }
    ])
    assert.isNull(chooseTemplate(none))
  })

  it("takes the default of a named list", () => {
    const chat_template = [
      { name: "tool_use", template: "tools" },
      { name: "default", template: "plain" }
    ]
    assert.strictEqual(chooseTemplate({ ...none, tokenizerConfig: { chat_template } })?.source, "plain")
    assert.isNull(chooseTemplate({ ...none, tokenizerConfig: { chat_template: chat_template.slice(0, 1) } }))
  })

  it("skips what is empty or of the wrong kind", () => {
    for (const chat_template of ["", null, 7, {}, [null]]) {
      assert.isNull(chooseTemplate({ jinja: "", tokenizerConfig: { chat_template }, templateJson: [] }))
    }
  })
})

describe("rendering", () => {
  it("gives the template messages, special tokens and the request for an answer", () => {
    const render = compileTemplate(
      "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}" +
        "{% if tools is none and add_generation_prompt %}[assistant]{% endif %}",
      specialTokens([
        { bos_token: "<old>", eos_token: 7 },
        { bos_token: "<s>", eos_token: { content: "</s>" } }
      ])
    )
    const messages = [
      { role: "system", content: "be brief" },
      { role: "user", content: "{{ 1 + 1 }}" }
    ] as const
    assert.strictEqual(render(messages), "<s>[system]be brief</s>[user]{{ 1 + 1 }}</s>[assistant]")
  })

  it("throws what the template raises, told in one short line", () => {
    const render = compileTemplate("{{ raise_exception('Roles must\\n alternate') }}", {})
    try {
      render([])
      assert.fail("nothing raised")
    } catch (error) {
      assert.strictEqual(templateProblem(error), "Roles must alternate")
    }
    assert.isBelow(templateProblem(new TemplateRaised("x".repeat(100_000))).length, 1_000)
  })

  it("keeps the interpreter's own words to itself", () => {
    const render = compileTemplate("{{ messages[0].content.nonesuch() }}", {})
    try {
      render([{ role: "user", content: "a" }])
      assert.fail("nothing thrown")
    } catch (error) {
      assert.strictEqual(templateProblem(error), "it fails on them")
    }
  })

  it("refuses an endless template before reading it", () => {
    assert.throws(() => compileTemplate("x".repeat(MAX_TEMPLATE_CHARS + 1), {}), "longer than")
  })

  it("has a format for models without a template (CHT-04)", () => {
    assert.strictEqual(fallbackPrompt([{ role: "user", content: "test input" }]), "Human: test input\n\nAssistant: ")
    assert.strictEqual(
      fallbackPrompt([
        { role: "system", content: "s" },
        { role: "user", content: "u" },
        { role: "assistant", content: "a" },
        { role: "user", content: "v" }
      ]),
      "System: s\n\nHuman: u\n\nAssistant: a\n\nHuman: v\n\nAssistant: "
    )
  })
})

describe("range", () => {
  const rendered = (source: string) => compileTemplate(source, {})([{ role: "user", content: "hi" }])

  it.each([
    ["range(3)", "0,1,2,"],
    ["range(1, 7, 2)", "1,3,5,"],
    ["range(2, 0, -1)", "2,1,"],
    ["range(5, 2)", ""],
    ["range(messages | length)", "0,"],
    ["range(tools)", ""]
  ])("%s counts as in Python", (call, expected) => {
    assert.strictEqual(rendered(`{% for i in ${call} %}{{ i }},{% endfor %}`), expected)
  })

  it("is refused when it is longer than any list of messages", () => {
    assert.throws(() => rendered("{{ range(1000000000) }}"), TemplateExcessive)
    assert.throws(() => rendered("{% for a in [1] %}{{ range(0, 1, 0.0000001) }}{% endfor %}"), TemplateExcessive)
    assert.throws(() => rendered("{% macro m() %}{{ range(1000000000) }}{% endmacro %}{{ m() }}"), TemplateExcessive)
  })
})
