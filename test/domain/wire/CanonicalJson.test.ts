import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as CanonicalJson from "../../../src/domain/wire/CanonicalJson.ts"

const reversed = (json: unknown): unknown =>
  Array.isArray(json)
    ? json.map(reversed)
    : typeof json === "object" && json !== null
    ? Object.fromEntries(Object.entries(json).reverse().map(([name, value]) => [name, reversed(value)]))
    : json

describe("canonical JSON", () => {
  it("has the members of objects in the order of their names, and lists as they are", () => {
    assert.strictEqual(
      CanonicalJson.stringify({ b: [2, 1, { d: 1, c: null }], a: "é" }),
      `{"a":"é","b":[2,1,{"c":null,"d":1}]}`
    )
    assert.strictEqual(CanonicalJson.stringify({ a: undefined }), "{}")
    assert.strictEqual(CanonicalJson.stringify(undefined), "null")
  })

  it.prop("is one text for equal JSON, and reads as it", { json: Schema.Json }, ({ json }) => {
    const text = CanonicalJson.stringify(json)
    assert.strictEqual(CanonicalJson.stringify(reversed(json)), text)
    assert.deepStrictEqual(JSON.parse(text), JSON.parse(JSON.stringify(json)))
  })
})
