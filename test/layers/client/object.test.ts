import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Schema, SchemaGetter } from "effect"
import { OpenRouter, Usd } from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { emulated, final, model, ok, scripted, sent } from "./support.ts"

const { Reply } = Emulator

const Intention = Schema.Struct({
  action: Schema.String,
  target: Schema.optionalKey(Schema.String),
  strength: Schema.Int
})

const intention = OpenRouter.respondObject({ model, input: "What does Bob want?", schema: Intention })

/** A server that answers with this text. */
const saying = (text: string) =>
  final(scripted([ok({ output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text }] }] })]))

const sentBody = Effect.map(sent, (sent): unknown => JSON.parse(sent[0]?.body ?? "null"))

describe("the request", () => {
  it.effect("asks for the strict shape", () =>
    Effect.gen(function*() {
      yield* OpenRouter.respondObject({
        model,
        input: "Hi",
        schema: Schema.Struct({ action: Schema.String, target: Schema.optionalKey(Schema.String), now: Schema.Boolean })
      })
      assert.deepStrictEqual(yield* sentBody, {
        model,
        input: "Hi",
        provider: { require_parameters: true },
        text: {
          format: {
            type: "json_schema",
            name: "answer",
            strict: true,
            schema: {
              type: "object",
              properties: {
                action: { type: "string" },
                target: { anyOf: [{ type: "string" }, { type: "null" }] },
                now: { type: "boolean" }
              },
              required: ["action", "target", "now"],
              additionalProperties: false
            }
          }
        }
      })
    }).pipe(Effect.provide(saying(`{"action":"go","target":null,"now":true}`))))

  it.effect("keeps the verbosity, and names and describes the shape", () =>
    Effect.gen(function*() {
      yield* OpenRouter.respondObject({
        model,
        input: "Hi",
        schema: Schema.Struct({ n: Schema.Int }),
        schemaName: "number",
        schemaDescription: "A number.",
        text: { verbosity: "low" },
        temperature: 0
      })
      assert.nestedInclude(yield* sentBody, {
        temperature: 0,
        "text.verbosity": "low",
        "text.format.name": "number",
        "text.format.description": "A number.",
        "text.format.strict": true
      })
    }).pipe(Effect.provide(saying(`{"n":1}`))))

  it.effect("names the shape after the schema, in plain letters", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ n: Schema.Int }).annotate({ identifier: "town/Größe der Stadt" })
      yield* OpenRouter.respondObject({ model, input: "Hi", schema })
      const body = (yield* sent)[0]?.body ?? ""
      const name = /"name":"([^"]*)"/.exec(body)?.[1] ?? ""
      assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/)
      assert.match(name, /^town_/)
    }).pipe(Effect.provide(saying(`{"n":1}`))))
})

describe("the answer", () => {
  it.effect("is decoded, with all that respond gives", () =>
    Effect.gen(function*() {
      const answer = yield* intention
      assert.deepStrictEqual(answer.value, { action: "go", target: "mill", strength: 2 })
      assert.strictEqual(answer.text, `{"action":"go","target":"mill","strength":2}`)
      assert.strictEqual(Usd.toText(answer.cost ?? Usd.zero), "0.00002")
      assert.strictEqual(answer.attempts, 1)
      assert.strictEqual(answer._tag, "Completed")
    }).pipe(Effect.provide(saying(`{"action":"go","target":"mill","strength":2}`))))

  it.effect("has no key for an optional field that is null", () =>
    Effect.gen(function*() {
      const { value } = yield* intention
      assert.deepStrictEqual(value, { action: "go", strength: 2 })
    }).pipe(Effect.provide(saying(`{"action":"go","target":null,"strength":2}`))))

  it.effect("may leave an optional field out, as providers that are not strict do", () =>
    Effect.gen(function*() {
      const { value } = yield* intention
      assert.deepStrictEqual(value, { action: "go", strength: 2 })
    }).pipe(Effect.provide(saying(`{"action":"go","strength":2}`))))

  it.effect("may have further keys, which are left out", () =>
    Effect.gen(function*() {
      const { value } = yield* intention
      assert.deepStrictEqual(value, { action: "go", strength: 2 })
    }).pipe(Effect.provide(saying(`{"action":"go","strength":2,"mood":"fine","target":null}`))))

  it.effect("may have white space around it", () =>
    Effect.map(intention, ({ value }) => assert.strictEqual(value.action, "go")).pipe(
      Effect.provide(saying(`\n {"action":"go","strength":2,"target":null}\n`))
    ))

  it.effect("is transformed as the schema says", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ at: Schema.DateTimeUtcFromString, price: Schema.NumberFromString })
      const { value } = yield* OpenRouter.respondObject({ model, input: "Hi", schema })
      assert.strictEqual(DateTime.toEpochMillis(value.at), Date.UTC(2026, 0, 2))
      assert.strictEqual(value.price, 1.5)
      const body = (yield* sent)[0]?.body ?? ""
      assert.match(body, /"at":\{"type":"string"/)
      assert.match(body, /"price":\{"type":"string"/)
    }).pipe(Effect.provide(saying(`{"at":"2026-01-02T00:00:00Z","price":"1.5"}`))))

  it.effect("of a class is an instance", () =>
    Effect.gen(function*() {
      class Person extends Schema.Class<Person>("Person")({ first: Schema.String, last: Schema.String }) {
        get name() {
          return `${this.first} ${this.last}`
        }
      }
      const { value } = yield* OpenRouter.respondObject({ model, input: "Hi", schema: Person })
      assert.instanceOf(value, Person)
      assert.strictEqual(value.name, "Ada Lovelace")
      assert.include((yield* sent)[0]?.body ?? "", `"name":"Person"`)
    }).pipe(Effect.provide(saying(`{"first":"Ada","last":"Lovelace"}`))))

  it.effect("may nest structs, lists and unions", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({
        moves: Schema.Array(Schema.Union([
          Schema.Struct({ kind: Schema.Literal("go"), to: Schema.String }),
          Schema.Struct({ kind: Schema.Literal("wait"), hours: Schema.Int })
        ]))
      })
      const { value } = yield* OpenRouter.respondObject({ model, input: "Hi", schema })
      assert.deepStrictEqual(value, { moves: [{ kind: "go", to: "mill" }, { kind: "wait", hours: 2 }] })
    }).pipe(Effect.provide(saying(`{"moves":[{"kind":"go","to":"mill"},{"kind":"wait","hours":2}]}`))))

  it.effect("of the emulator fits what was asked", () =>
    Effect.gen(function*() {
      const { value } = yield* intention
      assert.isTrue(Schema.is(Intention)(value))
    }).pipe(Effect.provide(emulated())))
})

describe("an answer that does not fit is InvalidOutput", () => {
  const wrong: ReadonlyArray<readonly [name: string, text: string, issue: string]> = [
    ["prose", "Bob wants to go.", "not JSON"],
    ["half a JSON", `{"action":"go`, "not JSON"],
    ["JSON of another shape in a fence", "```json\n{}\n```", "action"],
    ["null", "null", "null"],
    ["a list", "[]", "[]"],
    ["a missing field", `{"action":"go","target":null}`, "strength"],
    ["a field of the wrong type", `{"action":"go","target":null,"strength":"much"}`, "strength"],
    ["half an integer", `{"action":"go","target":null,"strength":1.5}`, "strength"],
    ["null where a value is needed", `{"action":null,"target":null,"strength":1}`, "action"]
  ]

  it.effect.each(wrong)("%s", ([_, text, issue]) =>
    Effect.gen(function*() {
      const error = yield* intention.pipe(Effect.as(undefined), Effect.catchTag("InvalidOutput", Effect.succeed))
      if (error === undefined) return assert.fail("it was accepted")
      assert.strictEqual(error.text, text)
      if (issue !== "null" && issue !== "[]") assert.include(error.issue, issue)
      assert.strictEqual(error.usage?.outputTokens, 2)
      assert.strictEqual(Usd.toText(error.cost ?? Usd.zero), "0.00002")
      assert.strictEqual(error.model, model)
      assert.strictEqual(error.attempts, 1)
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(Effect.provide(saying(text))))

  it.effect("when a check of the schema fails", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ n: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })) })
      const error = yield* Effect.flip(OpenRouter.respondObject({ model, input: "Hi", schema }))
      assert.strictEqual(error._tag, "InvalidOutput")
    }).pipe(Effect.provide(saying(`{"n":7}`))))

  it.effect("while other endings keep their own tags", () =>
    Effect.gen(function*() {
      const tags = yield* Effect.forEach([1, 2, 3], () => Effect.map(Effect.flip(intention), ({ _tag }) => _tag))
      assert.deepStrictEqual(tags, ["Incomplete", "Refused", "EmptyCompletion"])
    }).pipe(Effect.provide(emulated({
      rules: [
        { times: 1, reply: Reply.incomplete() },
        { when: (call) => call.attempt === 2, reply: Reply.refusal() },
        { reply: Reply.empty() }
      ]
    }))))
})

describe("a schema that cannot be asked for", () => {
  class Mill {
    readonly wheels = 1
  }

  const cannot: ReadonlyArray<readonly [name: string, schema: Schema.Codec<unknown, unknown>, problem: string]> = [
    ["anything", Schema.Unknown, "must say what the value is"],
    ["anything in a field", Schema.Struct({ a: Schema.Any }), "must say what a is"],
    ["anything in a list", Schema.Struct({ a: Schema.Array(Schema.Unknown) }), "must say what a[] is"],
    ["any JSON in a record", Schema.Record(Schema.String, Schema.Json), "must say what * is"],
    ["any object", Schema.Union([Schema.String, Schema.ObjectKeyword]), "must say what the value is"],
    ["an instance", Schema.Struct({ mill: Schema.instanceOf(Mill) }), "has no JSON for mill"]
  ]

  it.effect.each(cannot)(
    "with %s is InvalidRequest, and nothing is sent",
    ([_, schema, problem]) =>
      Effect.gen(function*() {
        const error = yield* OpenRouter.respondObject({ model, input: "Hi", schema }).pipe(
          Effect.as(undefined),
          Effect.catchTag("InvalidRequest", Effect.succeed)
        )
        assert.strictEqual(error?.field, "schema")
        assert.strictEqual(error?.origin, "local")
        assert.include(error?.message ?? "", problem)
        assert.deepStrictEqual(yield* sent, [])
      }).pipe(Effect.provide(final(scripted([ok()]))))
  )

  it.effect("may have any JSON without strict mode, but no instance", () =>
    Effect.gen(function*() {
      const anything = Schema.Struct({ a: Schema.Unknown })
      const { value } = yield* OpenRouter.respondObject({ model, input: "Hi", schema: anything, strict: false })
      assert.deepStrictEqual(value, { a: [1, "x"] })
      const body = (yield* sent)[0]?.body ?? ""
      assert.include(body, `"strict":false`)
      const mill = Schema.Struct({ mill: Schema.instanceOf(Mill) })
      const error = yield* Effect.flip(OpenRouter.respondObject({ model, input: "Hi", schema: mill, strict: false }))
      assert.strictEqual(error._tag, "InvalidRequest")
    }).pipe(Effect.provide(saying(`{"a":[1,"x"]}`))))
})

describe("a schema", () => {
  it.effect("is prepared once, however many calls use it", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ a: Schema.optionalKey(Schema.String) })
      yield* Effect.repeat(OpenRouter.respondObject({ model, input: "Hi", schema }), { times: 99 })
      const asked = (yield* OpenRouterTest.calls).map(({ text }) => text?.format)
      assert.lengthOf(asked, 100)
      // What is prepared anew is equal, but not the same.
      assert.lengthOf(new Set(asked.map((format) => format?.type === "json_schema" ? format.schema : undefined)), 1)
    }).pipe(Effect.provide(OpenRouterTest.layer(() => ({ a: "x" })))))

  it.effect("with a transformation runs it once for each answer", () =>
    Effect.gen(function*() {
      let decoded = 0
      const Doubled = Schema.Int.pipe(Schema.decodeTo(Schema.Int, {
        decode: SchemaGetter.transform((n: number) => {
          decoded++
          return n * 2
        }),
        encode: SchemaGetter.transform((n: number) => n / 2)
      }))
      const { value } = yield* OpenRouter.respondObject({ model, input: "Hi", schema: Schema.Struct({ n: Doubled }) })
      assert.deepStrictEqual(value, { n: 42 })
      assert.strictEqual(decoded, 1)
    }).pipe(Effect.provide(saying(`{"n":21}`))))
})
