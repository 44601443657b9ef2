import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Predicate, Schema } from "effect"
import { Input, OutputItem, Response, StreamEvent, Wire } from "effect-openrouter"
import { bodies, streams } from "../stream/recorded.ts"
import { type Union, unions } from "./unions.ts"

const discriminatorOf = (union: Union) => union.name === "Plugin" ? "id" : "type"

const samplesOf = (arm: Schema.Codec<object, unknown>) =>
  Arbitrary.sampleEffect(Arbitrary.schema(Schema.toType(arm)), { count: 20, seed: 1, size: 4, maxDiscards: 10_000 })

describe("the open unions", () => {
  it("are found", () => {
    assert.includeMembers(unions.map(({ name }) => name), [
      "AgentPart",
      "Annotation",
      "CodeOutput",
      "InputItem",
      "InputPart",
      "OutputItem",
      "OutputPart",
      "Part",
      "PatchOperation",
      "Plugin",
      "ReasoningPart",
      "ResultPart",
      "StopCondition",
      "StreamEvent",
      "SummaryPart",
      "TextFormat",
      "Tool",
      "ToolChoice",
      "WebSearchAction",
      "WebSearchSource"
    ])
  })

  for (const union of unions) {
    describe(`the guard of ${union.name}`, () => {
      const is = Schema.is(union.schema)
      const discriminator = discriminatorOf(union)

      it("rejects what is no value of an arm", () => {
        const junk = [
          undefined,
          null,
          0,
          "text",
          [],
          {},
          { anything: 1 },
          { [discriminator]: 1 },
          { [discriminator]: "no such arm" },
          { type: "unknown" },
          { type: "unknown", wireType: 1, raw: {} }
        ]
        for (const value of junk) assert.isFalse(is(value), JSON.stringify(value))
      })

      it("accepts what it keeps of an unknown type", () => {
        assert.isTrue(is({ type: "unknown", wireType: "novel", raw: { type: "novel" } }))
        assert.isTrue(is(Schema.decodeUnknownSync(union.schema)({ [discriminator]: "novel", other: 1 })))
        assert.isTrue(is(Schema.decodeUnknownSync(union.schema)("not even an object")))
      })

      it.effect.each(Object.entries(union.arms))(
        "accepts every value of %s, and none that lacks a part",
        ([type, arm]) =>
          Effect.gen(function*() {
            const ofArm = Schema.is(arm)
            for (const value of yield* samplesOf(arm)) {
              assert.isTrue(is(value), JSON.stringify(value))
              for (const key of Object.keys(value)) {
                const { [key]: _, ...others } = Object.fromEntries(Object.entries(value))
                const mistyped = { ...value, [key]: Symbol(key) }
                // Without its discriminator a value is none, or that of the arm which needs none.
                if (key !== discriminator) assert.strictEqual(is(others), ofArm(others), `${type} without ${key}`)
                assert.strictEqual(
                  is(mistyped),
                  key !== discriminator && ofArm(mistyped),
                  `${type} with a wrong ${key}`
                )
              }
            }
          })
      )
    })
  }

  it("accept the values that an item, an event and a part have by hand", () => {
    assert.isTrue(Schema.is(Input.InputItem)(Input.user("Hi")))
    assert.isTrue(Schema.is(Input.InputItem)(Input.user([Input.text("Hi"), Input.image("https://example.com/a.png")])))
    assert.isFalse(Schema.is(Input.InputItem)({ role: "user", content: [{ anything: 1 }] }))
    assert.isTrue(Schema.is(OutputItem.OutputItem)({ type: "message", role: "assistant", content: [] }))
    assert.isFalse(Schema.is(OutputItem.OutputItem)({ type: "message", role: "assistant", content: [{ anything: 1 }] }))
    assert.isFalse(Schema.is(StreamEvent.StreamEvent)({ type: "response.completed", response: {} }))
    assert.isTrue(
      Schema.is(StreamEvent.StreamEvent)({ type: "response.completed", response: { status: "completed", output: [] } })
    )
  })
})

describe("the guards of recorded traffic", () => {
  it("accept what was decoded", () => {
    const isResponse = Schema.is(Response.Response)
    const isItem = Schema.is(OutputItem.OutputItem)
    const isInput = Schema.is(Input.InputItem)
    for (const [name, json] of bodies("responses")) {
      const decoded = Response.decode(json)
      if (decoded._tag === "Failure") continue
      assert.isTrue(isResponse(decoded.success), name)
      // History is input: what a response brought can be sent back.
      for (const item of decoded.success.output) assert.isTrue(isItem(item) && isInput(item), `${name} ${item.type}`)
    }
    const isEvent = Schema.is(StreamEvent.StreamEvent)
    for (const { events, name } of streams()) {
      for (const json of events) {
        const event = StreamEvent.decode(json)
        assert.isTrue(isEvent(event), `${name} ${event.type}`)
      }
    }
  })

  it("reject a response without what makes it one", () => {
    assert.isFalse(Schema.is(Response.Response)({ anything: 1 }))
    assert.isFalse(Schema.is(Response.Response)({ status: "completed", output: [{ anything: 1 }] }))
    assert.isTrue(Schema.is(Response.Response)({ status: "completed", output: [] }))
  })
})

describe("a decoded value in a schema of the caller's", () => {
  it("keeps its JSON wherever it stands", () => {
    const json = { type: "message", content: [{ type: "output_text", text: "x", novel: 1 }], novel: { a: null } }
    const Mine = Schema.Struct({
      one: OutputItem.OutputItem,
      perhaps: Schema.optionalKey(OutputItem.OutputItem),
      many: Schema.Array(OutputItem.OutputItem),
      either: Schema.Union([Schema.String, OutputItem.OutputItem]),
      whole: Schema.optional(Response.Response)
    })
    const whole = { status: "completed", output: [json], novel: 1 }
    const mine = { one: json, perhaps: json, many: [json], either: json, whole }
    const value = Schema.decodeUnknownSync(Mine)(mine)
    assert.strictEqual(Wire.raw(value.perhaps), json)
    assert.strictEqual(Wire.raw(value.whole), whole)
    assert.deepStrictEqual(Schema.encodeSync(Mine)(value), mine)
    assert.isTrue(Schema.is(Mine)(value))
    const stored = Schema.toCodecJson(Mine)
    const again = Schema.decodeUnknownSync(stored)(JSON.parse(JSON.stringify(Schema.encodeSync(stored)(value))))
    assert.deepStrictEqual(Wire.raw(again.whole), whole)
    assert.isTrue(Predicate.isObject(again.perhaps))
  })
})
