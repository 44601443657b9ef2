import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { OpenRouter } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { emulated, final, model } from "../client/support.ts"
import { at, events, joined, post } from "./support.ts"

const { Reply } = Emulator

const Meeting = Schema.Struct({
  title: Schema.String,
  note: Schema.optionalKey(Schema.String),
  owner: Schema.NullOr(Schema.String),
  at: Schema.DateTimeUtcFromString,
  on: Schema.Date,
  link: Schema.URL,
  seats: Schema.FiniteFromString,
  price: Schema.BigDecimal,
  size: Schema.Tuple([Schema.Int, Schema.String]),
  votes: Schema.Record(Schema.String, Schema.Int),
  kind: Schema.Union([
    Schema.TaggedStruct("Hall", { rows: Schema.Int }),
    Schema.TaggedStruct("Garden", { trees: Schema.optionalKey(Schema.Array(Schema.String)) })
  ])
})

const meeting: typeof Meeting.Type = Schema.decodeUnknownSync(Schema.toCodecJson(Meeting))({
  title: "Harvest",
  owner: null,
  at: "2026-09-01T10:00:00.000Z",
  on: "2026-09-01T00:00:00.000Z",
  link: "https://example.com/harvest",
  seats: "12",
  price: "0.5",
  size: [3, "acre"],
  votes: { Ann: 1, Bob: 2 },
  kind: { _tag: "Garden" }
})

const json = Schema.encodeEffect(Schema.toCodecJson(Meeting))

describe("Reply.value", () => {
  const layer = final(emulated({ rules: [{ reply: Reply.value(Meeting, meeting) }] }))

  it.effect("is the value that the client decodes, whatever the schema makes of it on the wire", () =>
    Effect.gen(function*() {
      const { value } = yield* OpenRouter.respondObject({ model, input: "When?", schema: Meeting })
      assert.deepStrictEqual(yield* json(value), yield* json(meeting))
    }).pipe(Effect.provide(layer)))

  it.effect("is plain JSON where the request has no schema", () =>
    Effect.gen(function*() {
      const { text } = yield* OpenRouter.respond({ model, input: "When?" })
      assert.deepStrictEqual(JSON.parse(text), JSON.parse(JSON.stringify(yield* json(meeting))))
    }).pipe(Effect.provide(layer)))

  it("says what is wrong with a value that does not fit its own schema", () => {
    assert.throws(
      () => Reply.value(Schema.Struct({ a: Schema.Int }), { a: 1.5 }),
      /the value does not fit its schema: .*integer/is
    )
  })

  it.effect("is left as it is where it does not fit the schema of the request", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(OpenRouter.respondObject({ model, input: "When?", schema: Meeting }))
      assert.strictEqual(error._tag, "InvalidOutput")
    }).pipe(Effect.provide(final(emulated({ rules: [{ reply: Reply.value(Schema.Array(Schema.Int), [1]) }] })))))
})

describe("Reply.toolCall", () => {
  const weather = {
    type: "function",
    name: "weather",
    strict: true,
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, unit: { anyOf: [{ enum: ["C", "F"] }, { type: "null" }] } },
      required: ["city", "unit"],
      additionalProperties: false
    }
  }
  const body = { model, input: "Weather?", tools: [weather] }
  const server = (reply: Emulator.Reply.Reply) => Emulator.layerHttpClient({ rules: [{ reply }] })

  it.effect("is one call, without a text, in the form of the tool", () =>
    Effect.gen(function*() {
      const response = yield* Effect.flatMap(post(body), (response) => response.json)
      assert.strictEqual(at(response, "status"), "completed")
      assert.strictEqual(at(response, "output.0.type"), "function_call")
      assert.strictEqual(at(response, "output.0.name"), "weather")
      assert.match(String(at(response, "output.0.call_id")), /^call_\w{16}$/)
      assert.strictEqual(at(response, "output.0.arguments"), `{"city":"Bern","unit":null}`)
      assert.isUndefined(at(response, "output.1"))
      assert.isAbove(Number(at(response, "usage.output_tokens")), 0)
    }).pipe(Effect.provide(server(Reply.toolCall("weather", { city: "Bern" })))))

  it.effect("streams its arguments", () =>
    Effect.gen(function*() {
      const all = yield* events(body)
      assert.strictEqual(joined(all, "response.function_call_arguments.delta"), `{"city":"Bern","unit":"C"}`)
    }).pipe(Effect.provide(server(Reply.toolCall("weather", { city: "Bern", unit: "C" })))))

  it.effect("comes several at a time, and beside a text", () =>
    Effect.gen(function*() {
      const response = yield* Effect.flatMap(post(body), (response) => response.json)
      assert.deepStrictEqual([0, 1, 2, 3].map((index) => at(response, `output.${index}.type`)), [
        "message",
        "function_call",
        "function_call",
        undefined
      ])
      assert.notStrictEqual(at(response, "output.1.call_id"), at(response, "output.2.call_id"))
      assert.notStrictEqual(at(response, "output.1.id"), at(response, "output.2.id"))
    }).pipe(Effect.provide(server(Reply.answer({
      text: "Let me look.",
      calls: [{ name: "weather", arguments: { city: "Bern" } }, { name: "weather", arguments: { city: "Basel" } }]
    })))))
})

describe("texts that are more than words", () => {
  const Record = Schema.Struct({
    date: Schema.Date,
    utc: Schema.DateTimeUtcFromString,
    utcAt: Schema.DateTimeUtc,
    zoned: Schema.DateTimeZoned,
    url: Schema.URL,
    urlText: Schema.URLFromString,
    finite: Schema.FiniteFromString,
    number: Schema.NumberFromString,
    decimal: Schema.BigDecimal,
    big: Schema.BigInt,
    lasting: Schema.DurationFromString,
    code: Schema.String.check(Schema.isPattern(/^[A-Z]{3}-\d{2}$/)),
    short: Schema.String.check(Schema.isMinLength(3), Schema.isMaxLength(5)),
    exact: Schema.String.check(Schema.isBetweenLength(7, 9)),
    coded: Schema.String.check(Schema.isPattern(/^x+$/), Schema.isMinLength(2)),
    id: Schema.String.check(Schema.isUUID()),
    trimmed: Schema.Trimmed,
    maybe: Schema.Option(Schema.Date),
    list: Schema.Array(Schema.FiniteFromString),
    plain: Schema.String.annotate({ description: "A number of words on what happened" })
  })

  it.effect("are filled in by a schema of the client", () =>
    Effect.forEach(Array.from({ length: 60 }), (_, index) =>
      Effect.gen(function*() {
        const { value } = yield* OpenRouter.respondObject({ model, input: `question ${index}`, schema: Record })
        assert.match(value.code, /^[A-Z]{3}-\d{2}$/)
        assert.match(value.plain, /[a-z]{3}/)
        assert.isFalse(Number.isNaN(value.number))
      })).pipe(Effect.provide(Layer.provideMerge(final(emulated()), Layer.empty))))

  it.effect.each<[string, Schema.JsonObject, RegExp]>([
    ["a date by its format", { type: "string", format: "date" }, /^\d{4}-\d\d-\d\d$/],
    ["a date by its description", { type: "string", description: "an ISO 8601 date" }, /^\d{4}-\d\d-\d\dT/],
    [
      "a date by its name",
      { type: "object", properties: { createdAt: { type: "string" } }, required: ["createdAt"] },
      /"\d{4}-\d\d-\d\dT/
    ],
    ["a URL by its description", { type: "string", description: "a URL" }, /^https:/],
    ["a pattern in prose", {
      type: "string",
      description: "a string matching the RegExp ^a{2,3}$ and a value with a length of at least 3"
    }, /^aaa$/],
    [
      "words where a description only speaks of a date",
      { type: "string", description: "What Bob did on that date" },
      /^[A-Z]/
    ]
  ])("are made: %s", ([_, schema, expected]) =>
    Effect.gen(function*() {
      const response = yield* Effect.flatMap(
        post({ model, input: "?", text: { format: { type: "json_schema", name: "a", schema } } }),
        (response) => response.json
      )
      const said: unknown = JSON.parse(String(at(response, "output.0.content.0.text")))
      assert.match(typeof said === "string" ? said : JSON.stringify(said).replace("{\"createdAt\":", ""), expected)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})
