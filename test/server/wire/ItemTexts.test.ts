import { assert, describe, it } from "@effect/vitest"
import { itemTexts } from "../../../src/server/wire/ItemTexts.js"

describe("the texts of a list's items", () => {
  const cases: ReadonlyArray<readonly [json: string, items: ReadonlyArray<string>]> = [
    ['{"tools":[1.0, {"b":1e3,"1":[]} , "a,]\\"}\\\\"]}', ["1.0", '{"b":1e3,"1":[]}', '"a,]\\"}\\\\"']],
    [' {"x":{"tools":[9]}, "t\\u006fols" : [ ] , "y":"\\"tools\\":[8]"} ', []],
    ['{"tools":[1],"tools":[[2,3],{}]}', ["[2,3]", "{}"]],
    ['{"a:b":1,"tools":["x:y"]}', ['"x:y"']],
    ["{}", []]
  ]
  it.each(cases)("of %s", (json, items) => {
    assert.deepStrictEqual(itemTexts(json, "tools"), items)
  })

  it("are those that JSON.parse reads", () => {
    const tools = [{ a: ["[", "]", '"', "\\", "\\\\"] }, [], "{", "", null, { "": { "}": "]" } }]
    for (const space of [0, 2]) {
      const texts = itemTexts(JSON.stringify({ first: tools, tools, last: 1 }, null, space), "tools")
      assert.deepStrictEqual(
        texts.map((text): unknown => JSON.parse(text)),
        tools
      )
    }
  })
})
