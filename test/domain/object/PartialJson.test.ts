import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as PartialJson from "../../../src/domain/object/PartialJson.ts"

const valueOf = (text: string): unknown => {
  const json = PartialJson.make()
  json.push(text)
  return json.value()
}

describe("PartialJson", () => {
  it.each([
    ["", undefined],
    ["  ", undefined],
    ["{", {}],
    ["{\"a", {}],
    ["{\"a\"", {}],
    ["{\"a\":", {}],
    ["{\"a\": 1", {}],
    ["{\"a\": 1,", { a: 1 }],
    ["{\"a\": 1, \"b\": tru", { a: 1 }],
    ["{\"a\": true }", { a: true }],
    ["{\"a\": \"x", { a: "x" }],
    ["{\"a\": \"x\\", { a: "x" }],
    ["{\"a\": \"x\\u00e", { a: "x" }],
    ["{\"a\": \"x\\u00e9", { a: "xé" }],
    ["{\"a\": \"say \\\"hi", { a: "say \"hi" }],
    ["{\"a\": [1, 2", { a: [1] }],
    ["{\"a\": [1, {\"b\": [", { a: [1, { b: [] }] }],
    ["{\"a\": [[1], [2]], \"c", { a: [[1], [2]] }],
    ["{\"a\": {\"b\": null}, ", { a: { b: null } }],
    ["[\"x\", \"y", ["x", "y"]],
    ["{\"k\\\"}\": \"v", { "k\"}": "v" }]
  ])("%s", (text, expected) => assert.deepStrictEqual(valueOf(text), expected))

  it("keeps nothing of a text that is no JSON", () => assert.isUndefined(valueOf("}{ nonsense")))

  it.effect.prop(
    "every prefix of a JSON text is read, in pieces as at once, and the whole text is its value",
    { json: Schema.Json, size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 7 })) },
    ({ json, size }) =>
      Effect.sync(() => {
        const text = ` ${JSON.stringify({ json }, null, 1)} `
        const pieces = PartialJson.make()
        for (let at = 0; at < text.length; at += size) {
          pieces.push(text.slice(at, at + size))
          assert.deepStrictEqual(pieces.value(), valueOf(text.slice(0, at + size)))
        }
        assert.deepStrictEqual(pieces.value(), JSON.parse(text))
      }),
    { arbitrary: { runs: 200 } }
  )
})
