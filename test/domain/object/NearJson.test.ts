import { assert, describe, it } from "@effect/vitest"
import * as NearJson from "../../../src/domain/object/NearJson.ts"

const first = (text: string) => {
  const [found] = NearJson.find(text)
  return found === undefined ? undefined : [found.json, found.repairs.map(({ _tag }) => _tag)]
}

describe("text that is nearly JSON", () => {
  it.each([
    ["JSON", `{"a":1}`, { a: 1 }, []],
    ["a byte order mark", `\uFEFF{"a":1}`, { a: 1 }, ["ByteOrderMark"]],
    ["a fence", "```json\n{\"a\":1}\n```", { a: 1 }, ["CodeFence"]],
    ["a fence without a language", "```\n[1]\n```\n", [1], ["CodeFence"]],
    ["a fence that is not closed", "```json\n{\"a\":1}", { a: 1 }, ["CodeFence"]],
    ["a fence between words", "Here:\n```json\n{\"a\":1}\n```\nDone.", { a: 1 }, ["CodeFence", "SurroundingText"]],
    ["words before", `Sure! {"a":1}`, { a: 1 }, ["SurroundingText"]],
    ["words behind", `{"a":1} I hope that helps {you}.`, { a: 1 }, ["SurroundingText"]],
    ["a bracket in the words", `Here {is} it: {"a":"}"}`, { a: "}" }, ["SurroundingText"]],
    ["thoughts", `<think>Is it {1}?\n</think>\n{"a":1}`, { a: 1 }, ["ThinkBlock"]],
    ["thoughts twice", `<think>a</think><thinking>b</thinking>[1]`, [1], ["ThinkBlock"]],
    ["the end of thoughts", `Let me see.\n</think>\n{"a":1}`, { a: 1 }, ["ThinkBlock"]],
    ["thoughts and a fence", "<think>x</think>```json\n[1]\n```", [1], ["ThinkBlock", "CodeFence"]],
    ["a comma too many", `{"a":[1,2,],}`, { a: [1, 2] }, ["TrailingComma"]],
    ["a comma in a text", `{"a":",]",}`, { a: ",]" }, ["TrailingComma"]],
    ["a line break in a text", `{"a":"one\ntwo\t3"}`, { a: "one\ntwo\t3" }, ["ControlCharacter"]],
    [
      "all at once",
      "\uFEFF<think>hm</think>\nSure:\n```json\n{\"a\": [1,],}\n```",
      { a: [1] },
      ["ByteOrderMark", "ThinkBlock", "CodeFence", "SurroundingText", "TrailingComma"]
    ]
  ])("with %s is read", (_, text, json, repairs) => assert.deepStrictEqual(first(text), [json, repairs]))

  it.each([
    ["prose", "Bob wants to go."],
    ["what was cut off", `{"a":"go`],
    ["what was cut off in a list", `{"a":[1,2`],
    ["other quotes", `{'a':1}`],
    ["a name without quotes", `{a:1}`],
    ["two commas", `[1,,2]`],
    ["thoughts that do not end", `<think>{"a":1}`]
  ])("is not guessed: %s", (_, text) => {
    assert.isUndefined(first(text))
  })

  it("may be several values, in the order of the text", () => {
    const found = Array.from(NearJson.find(`For example {"a":1}. Mine: {"b":2}`), ({ json }) => json)
    assert.deepStrictEqual(found, [{ a: 1 }, { b: 2 }])
  })

  it("takes no time with many brackets", () => {
    assert.deepStrictEqual(Array.from(NearJson.find("{".repeat(100_000))), [])
    assert.deepStrictEqual(Array.from(NearJson.find("```\n".repeat(50_000))), [])
    assert.deepStrictEqual(Array.from(NearJson.find(`[${",".repeat(100_000)}`)), [])
  })
})
