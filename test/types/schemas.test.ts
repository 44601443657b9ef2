import { assert, describe, it } from "@effect/vitest"
import { Schema, Struct } from "effect"
import { CreateResponse, OutputItem, Response, Usage, type Usd, Wire } from "effect-openrouter"

/** True if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

const holds = <const A extends true>(value: A) => assert.isTrue(value)

describe("the fields of a schema", () => {
  it("have their names and types", () => {
    holds<Same<typeof CreateResponse.CreateResponse.fields.instructions, Schema.optional<Schema.String>>>(true)
    holds<Same<typeof Response.Response.fields.output.Type, ReadonlyArray<OutputItem.OutputItem>>>(true)
    holds<Same<typeof Usage.Usage.fields.cost.Type, Usd.Usd>>(true)
    holds<Same<typeof OutputItem.Message.fields.type, Schema.tag<"message">>>(true)
    holds<Same<typeof OutputItem.FunctionCall.fields.callId, Schema.String>>(true)
    assert.includeMembers(Object.keys(CreateResponse.CreateResponse.fields), ["model", "input", "maxOutputTokens"])
    assert.includeMembers(Object.keys(Response.Response.fields), ["status", "output", "usage"])
    assert.includeMembers(Object.keys(Usage.Usage.fields), ["inputTokens", "cost"])
    assert.deepStrictEqual(Object.keys(OutputItem.Message.fields).slice(0, 2), ["type", "id"])
    assert.strictEqual(OutputItem.FunctionCall.fields.name, Schema.String)
  })

  it("have no others", () => {
    // @ts-expect-error -- no such field
    assert.isUndefined(CreateResponse.CreateResponse.fields.store)
  })

  it("are there for a class as well", () => {
    class Spent extends Schema.Opaque<Spent>()(Usage.Usage) {}
    const spent: Spent = Schema.decodeUnknownSync(Spent)({ input_tokens: 1 })
    assert.deepStrictEqual(Schema.encodeSync(Spent)(spent), { input_tokens: 1 })
    assert.strictEqual(Spent.fields, Usage.Usage.fields)
  })

  it("stay at an annotated and a checked schema", () => {
    const Named = Usage.Usage.annotate({ title: "Usage" })
    const Sent = CreateResponse.CreateResponse.check(Schema.makeFilter(({ model }) => model !== undefined))
    holds<Same<typeof Named.fields, typeof Usage.Usage.fields>>(true)
    assert.strictEqual(Named.fields, Usage.Usage.fields)
    assert.isTrue(Schema.is(Sent)({ model: "a/b", input: "Hi" }))
    assert.isFalse(Schema.is(Sent)({}))
    assert.deepStrictEqual(Schema.encodeSync(Sent)({ model: "a/b", input: "Hi", maxOutputTokens: 1 }), {
      model: "a/b",
      input: "Hi",
      max_output_tokens: 1
    })
  })
})

describe("a struct made of the fields of another", () => {
  it("has some of them", () => {
    const Tokens = Usage.Usage.mapFields(Struct.pick(["inputTokens", "outputTokens"]))
    holds<Same<typeof Tokens.Type, { readonly inputTokens?: number; readonly outputTokens?: number }>>(true)
    holds<Same<typeof Tokens.Encoded, Wire.JsonObject>>(true)
    assert.deepStrictEqual(Schema.decodeUnknownSync(Tokens)({ input_tokens: 1, output_tokens: null, cost: 1 }), {
      inputTokens: 1
    })
    assert.deepStrictEqual(Schema.encodeSync(Tokens)({ inputTokens: 1 }), { input_tokens: 1 })
  })

  it("has more of them", () => {
    const Billed = Response.Response.mapFields(Struct.assign({ costCentre: Schema.String }))
    const { costCentre, output } = Schema.decodeUnknownSync(Billed)({
      status: "completed",
      output: [],
      cost_centre: "a"
    })
    holds<Same<typeof costCentre, string>>(true)
    holds<Same<typeof output, ReadonlyArray<OutputItem.OutputItem>>>(true)
    assert.strictEqual(costCentre, "a")
  })

  it("is made by spreading them, in the names of JSON or in its own", () => {
    const Asked = Wire.Struct({ ...CreateResponse.CreateResponse.fields, tenantId: Schema.String })
    const asked: typeof Asked.Type = { model: "a/b", maxOutputTokens: 1, tenantId: "t" }
    assert.deepStrictEqual(Schema.encodeSync(Asked)(asked), { model: "a/b", max_output_tokens: 1, tenant_id: "t" })
    // @ts-expect-error -- the tenant is missing
    const lacking: typeof Asked.Type = { model: "a/b" }
    assert.isFalse(Schema.is(Asked)(lacking))
    const Plain = Schema.Struct({ ...Usage.Usage.fields, at: Schema.String })
    assert.deepStrictEqual(Schema.decodeUnknownSync(Plain)({ inputTokens: 1, at: "now" }), {
      inputTokens: 1,
      at: "now"
    })
  })

  it("has fields in place of others", () => {
    const Known = OutputItem.FunctionCall.with(() => ({ name: Schema.Literals(["add", "now"]) }))
    holds<Same<typeof Known.Type["name"], "add" | "now">>(true)
    assert.isFalse(Schema.is(Known)({ type: "function_call", callId: "c", name: "other", arguments: "" }))
  })

  it("keeps the names that are no snake_case", () => {
    const Step = Wire.Struct({ lastHour: Schema.Finite, b: Schema.String }, { lastHour: "last-1h" })
    assert.deepStrictEqual(Schema.encodeSync(Step.mapFields(Struct.pick(["lastHour"])))({ lastHour: 1 }), {
      "last-1h": 1
    })
  })
})

describe("a union made of the arms of another", () => {
  it("has another arm", () => {
    const Mine = Wire.OpenUnion({
      ...OutputItem.OutputItem.arms,
      my_call: Wire.Struct({ type: Schema.tag("my_call"), myArgs: Schema.String })
    }, { identifier: "MyItem" })
    const item = Schema.decodeUnknownSync(Mine)({ type: "my_call", my_args: "x" })
    assert.strictEqual(item.type === "my_call" ? item.myArgs : undefined, "x")
    assert.isTrue(Schema.is(Mine)({ type: "compaction", encryptedContent: "x" }))
    assert.isFalse(Schema.is(OutputItem.OutputItem)(item))
  })
})
