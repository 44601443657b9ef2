import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { CreateResponse, Tool } from "effect-openrouter"

const parametersOf = (parameters: Schema.Constraint) => Tool.make({ name: "f", parameters }).parameters

interface Category {
  readonly name: string
  readonly children: ReadonlyArray<Category>
}

const Category = Schema.Struct({
  name: Schema.String,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Category> => Category))
}).annotate({ identifier: "town/a Category" })

class Person extends Schema.Class<Person>("town/a Person")({
  name: Schema.String.annotate({ description: "First name" }),
  age: Schema.optionalKey(Schema.Number)
}) {}

describe("a tool whose parameters are an Effect Schema", () => {
  it("is sent with their JSON Schema, optional keys and all", () => {
    assert.deepStrictEqual(
      parametersOf(Schema.Struct({ city: Schema.String, day: Schema.optionalKey(Schema.String) })),
      {
        type: "object",
        properties: { city: { type: "string" }, day: { type: "string" } },
        required: ["city"],
        additionalProperties: false
      }
    )
    const body = CreateResponse.toBody({
      input: "Hi",
      tools: [Tool.make({ name: "f", description: "Does", strict: false, parameters: Person })]
    }, { stream: false })
    assert.include(Result.getOrThrow(body), `"additionalProperties":false`)
    assert.deepStrictEqual(Tool.make({ name: "f" }), { type: "function", name: "f", parameters: null })
  })

  it("may be a class, which has no reference at its root, and numbers that are finite", () => {
    assert.deepStrictEqual(parametersOf(Person), {
      type: "object",
      properties: { name: { type: "string", description: "First name" }, age: { type: "number" } },
      required: ["name"],
      additionalProperties: false
    })
  })

  it("may refer to itself", () => {
    const parameters = parametersOf(Category)
    assert.strictEqual(parameters?.["type"], "object")
    assert.deepNestedInclude(JSON.parse(JSON.stringify(parameters)), {
      "properties.children.items.$ref": "#/$defs/town~1a%20Category",
      "$defs.town/a Category.type": "object"
    })
  })

  it("must be an object, as that of JSON Schema", () => {
    const body = CreateResponse.toBody(
      { input: "Hi", tools: [Tool.make({ name: "f", parameters: Schema.String })] },
      { stream: false }
    )
    assert(Result.isFailure(body))
    assert.strictEqual(body.failure.field, "tools[0].parameters")
  })

  it.effect("describes what the schema reads from JSON", () =>
    Effect.gen(function*() {
      const parameters = Schema.Struct({ at: Schema.DateTimeUtc, ids: Schema.Record(Schema.String, Schema.BigInt) })
      const described = parametersOf(parameters)
      assert.deepNestedInclude({ ...described }, { "properties.at.type": "string" })
      const read = yield* Schema.decodeEffect(Schema.fromJsonString(Schema.toCodecJson(parameters)))(
        `{"at":"2026-12-01T00:00:00.000Z","ids":{"a":"1"}}`
      )
      assert.strictEqual(read.ids["a"], 1n)
    }))
})
