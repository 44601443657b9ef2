import { assert, describe, it } from "@effect/vitest"
import { Effect, Predicate, Schema } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpClient, HttpClientRequest } from "effect/http"

const Answer = Schema.Struct({
  output: Schema.Array(Schema.Struct({ content: Schema.Array(Schema.Struct({ text: Schema.String })) }))
})

/** What the emulator answers to `samples` different questions under a schema. */
const answers = (schema: Schema.Json, samples = 40) =>
  Effect.forEach(
    Array.from({ length: samples }, (_, index) => index),
    (index) =>
      HttpClientRequest.post("http://emulator/api/v1/responses").pipe(
        HttpClientRequest.bearerToken("test"),
        HttpClientRequest.bodyJsonUnsafe({
          model: "openai/gpt-5",
          input: `question ${index}`,
          text: { format: { type: "json_schema", name: "answer", schema } }
        }),
        HttpClient.execute,
        Effect.flatMap((response) => response.json),
        Effect.flatMap(Schema.decodeUnknownEffect(Answer)),
        Effect.map(({ output }) => output[0]?.content[0]?.text ?? ""),
        Effect.flatMap(Schema.decodeEffect(Schema.fromJsonString(Schema.Unknown)))
      )
  )

const isString = (test: (text: string) => boolean) => (u: unknown) => typeof u === "string" && test(u)
const isNumber = (test: (n: number) => boolean) => (u: unknown) => typeof u === "number" && test(u)
const isArray = (test: (items: ReadonlyArray<unknown>) => boolean) => (u: unknown) => Array.isArray(u) && test(u)

const cases: ReadonlyArray<readonly [what: string, schema: Schema.JsonObject, accepts: (u: unknown) => boolean]> = [
  ["string", { type: "string" }, isString((s) => s.length > 0)],
  ["short string", { type: "string", maxLength: 3 }, isString((s) => s.length <= 3)],
  [
    "long string",
    { type: "string", minLength: 300, maxLength: 301 },
    isString((s) => s.length >= 300 && s.length < 302)
  ],
  ["date-time", { type: "string", format: "date-time" }, isString((s) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(s))],
  ["uuid", { type: "string", format: "uuid" }, isString((s) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(s))],
  ["email", { type: "string", format: "email" }, isString((s) => /^[^@]+@[^@]+$/.test(s))],
  [
    "pattern",
    { type: "string", pattern: "^[A-Z]{2}-\\d{3,5}(x|yz)?$" },
    isString((s) => /^[A-Z]{2}-\d{3,5}(x|yz)?$/.test(s))
  ],
  [
    "pattern and length",
    { type: "string", pattern: "^\\w+( \\w+)*$", minLength: 30, maxLength: 200 },
    isString((s) => /^\w+( \w+)*$/.test(s) && s.length >= 30 && s.length <= 200)
  ],
  ["integer", { type: "integer" }, isNumber(Number.isInteger)],
  ["integer in a range", { type: "integer", minimum: -3, maximum: -1 }, isNumber((n) => [-3, -2, -1].includes(n))],
  ["exclusive range", { type: "integer", exclusiveMinimum: 0, exclusiveMaximum: 2 }, isNumber((n) => n === 1)],
  ["only a maximum", { type: "integer", maximum: -1000 }, isNumber((n) => n <= -1000)],
  [
    "multiple",
    { type: "integer", multipleOf: 7, minimum: 1, maximum: 40 },
    isNumber((n) => n % 7 === 0 && n > 0 && n <= 40)
  ],
  ["number", { type: "number", minimum: 0.5, maximum: 0.75 }, isNumber((n) => n >= 0.5 && n <= 0.75)],
  [
    "narrow number",
    { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 0.001 },
    isNumber((n) => n > 0 && n < 0.001)
  ],
  ["boolean", { type: "boolean" }, Predicate.isBoolean],
  ["null", { type: "null" }, Predicate.isNull],
  ["enum", { enum: ["a", 1, null] }, (u) => u === "a" || u === 1 || u === null],
  ["const", { const: { a: [1] } }, (u) => JSON.stringify(u) === `{"a":[1]}`],
  ["list of types", { type: ["integer", "null"] }, (u) => u === null || Number.isInteger(u)],
  ["anyOf", { anyOf: [{ type: "string" }, { type: "integer" }] }, (u) => typeof u === "string" || Number.isInteger(u)],
  ["allOf", { type: "integer", allOf: [{ minimum: 5 }, { maximum: 6 }] }, isNumber((n) => n === 5 || n === 6)],
  [
    "array",
    { type: "array", items: { type: "integer" }, minItems: 4, maxItems: 5 },
    isArray((items) => (items.length === 4 || items.length === 5) && items.every(Number.isInteger))
  ],
  ["empty array", { type: "array", items: { type: "integer" }, maxItems: 0 }, isArray((items) => items.length === 0)],
  [
    "tuple",
    { type: "array", prefixItems: [{ type: "string" }, { type: "null" }], items: false, minItems: 2 },
    isArray((items) => items.length === 2 && typeof items[0] === "string" && items[1] === null)
  ],
  [
    "object",
    {
      type: "object",
      properties: { a: { type: "string" }, b: { type: "null" } },
      required: ["a", "b"],
      additionalProperties: false
    },
    (u) => Predicate.isObject(u) && typeof u["a"] === "string" && u["b"] === null && Object.keys(u).length === 2
  ],
  [
    "record",
    { type: "object", additionalProperties: { type: "integer" } },
    (u) => Predicate.isObject(u) && Object.keys(u).length > 0 && Object.values(u).every(Number.isInteger)
  ]
]

describe("an answer under a JSON schema", () => {
  it.effect.each(cases)("%s", ([_, schema, accepts]) =>
    Effect.gen(function*() {
      for (const value of yield* answers(schema)) assert.strictEqual(accepts(value), true, JSON.stringify(value))
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("takes every branch and every value of an enum", () =>
    Effect.gen(function*() {
      const values = yield* answers({ anyOf: [{ type: "null" }, { enum: ["a", "b", "c"] }] }, 100)
      assert.deepStrictEqual(new Set(values), new Set([null, "a", "b", "c"]))
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("follows references and ends in recursive schemas", () =>
    Effect.gen(function*() {
      interface Tree {
        readonly name: string
        readonly parent: Tree | null
        readonly children: ReadonlyArray<Tree>
      }
      const Tree = Schema.Struct({
        name: Schema.String,
        parent: Schema.NullOr(Schema.suspend((): Schema.Codec<Tree> => Tree)),
        children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
      })
      const schema: Schema.JsonObject = {
        $ref: "#/$defs/Tree",
        $defs: {
          Tree: {
            type: "object",
            properties: {
              name: { type: "string" },
              parent: { anyOf: [{ $ref: "#/$defs/Tree" }, { type: "null" }] },
              children: { type: "array", items: { $ref: "#/$defs/Tree" } }
            },
            required: ["name", "parent", "children"],
            additionalProperties: false
          }
        }
      }
      const values = yield* answers(schema)
      yield* Effect.forEach(values, (value) => Schema.decodeUnknownEffect(Tree)(value))
      assert.isBelow(Math.max(...values.map((value) => JSON.stringify(value).length)), 50_000)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect.each<readonly [string, Schema.JsonObject, (u: unknown) => number]>([
    ["characters", { type: "string", minLength: 1e7 }, (u) => String(u).length],
    ["items", { type: "array", items: { type: "null" }, minItems: 1e6 }, (u) => Array.isArray(u) ? u.length : NaN],
    [
      "members",
      { type: "object", minProperties: 1e6, additionalProperties: { type: "null" } },
      (u) => Predicate.isObject(u) ? Object.keys(u).length : NaN
    ],
    ["repetitions", { type: "string", pattern: "^(((ab){1000}){1000}){1000}$" }, (u) => String(u).length]
  ])("is cut off where a schema demands a great many %s", ([_, schema, sizeOf]) =>
    Effect.gen(function*() {
      const [value] = yield* answers(schema, 1)
      assert.isAtLeast(sizeOf(value), 1)
      assert.isAtMost(sizeOf(value), 200_000)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("does not hang on a schema that demands infinity", () =>
    Effect.gen(function*() {
      const [value] = yield* answers({ type: "object", properties: { again: { $ref: "#" } }, required: ["again"] }, 1)
      assert.strictEqual(Predicate.isObject(value), true)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})
