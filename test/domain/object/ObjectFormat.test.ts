import { assert, describe, it } from "@effect/vitest"
import { BigDecimal, DateTime, Duration, Option, Result, Schema, SchemaGetter } from "effect"
import { OpenRouter } from "effect-openrouter"
import * as ObjectFormat from "../../../src/domain/object/ObjectFormat.ts"
import type { AnySchema } from "./schemas.ts"

const formatOf = (schema: AnySchema, isStrict = true) => Result.getOrThrow(ObjectFormat.make(schema, isStrict))

const schemaOf = (schema: AnySchema, isStrict?: boolean) => formatOf(schema, isStrict).jsonSchema

const decoded = <A, E>(schema: Schema.Codec<A, E>, text: string, repair = true) =>
  ObjectFormat.decodeText(formatOf(schema), schema, text, repair)

const value = <A, E>(schema: Schema.Codec<A, E>, text: string) => Result.getOrThrow(decoded(schema, text, false)).value

const issue = <A, E>(schema: Schema.Codec<A, E>, text: string, repair?: boolean) => {
  const result = decoded(schema, text, repair)
  return Result.isFailure(result) ? result.failure.issue : "it was accepted"
}

/** The JSON Schema of a field. */
const field = (schema: AnySchema, isStrict?: boolean) => {
  const { properties } = schemaOf(Schema.Struct({ a: schema }), isStrict)
  return Schema.decodeUnknownSync(Schema.Struct({ a: Schema.Unknown }))(properties).a
}

interface Tree {
  readonly name: string
  readonly children: ReadonlyArray<Tree>
}

const Tree = Schema.Struct({
  name: Schema.String,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
})

describe("what the model sees", () => {
  const fields: ReadonlyArray<readonly [name: string, schema: AnySchema, sent: unknown]> = [
    ["Number", Schema.Number, { type: "number" }],
    ["Int", Schema.Int, { type: "integer" }],
    ["optional(Int)", Schema.optional(Schema.Int), { anyOf: [{ type: "integer" }, { type: "null" }] }],
    ["optionalKey(NullOr(Int))", Schema.optionalKey(Schema.NullOr(Schema.Int)), {
      anyOf: [{ type: "integer" }, { type: "null" }]
    }],
    ["Date", Schema.Date, { type: "string", format: "date-time" }],
    ["DateTimeUtc", Schema.DateTimeUtc, { type: "string", format: "date-time" }],
    ["DateTimeUtcFromString", Schema.DateTimeUtcFromString, { type: "string", format: "date-time" }],
    ["a date with a limit", Schema.Date.check(Schema.isGreaterThanDate(new Date("2027-01-01T00:00:00Z"))), {
      type: "string",
      format: "date-time",
      description: "a value greater than 2027-01-01T00:00:00.000Z"
    }],
    ["a date of another form", Schema.DateTimeUtcFromHttpDate, { type: "string", description: "an HTTP date string" }],
    ["DateFromMillis", Schema.DateFromMillis, { type: "integer" }],
    ["Duration", Schema.Duration, { type: "string", format: "duration" }],
    ["DurationFromString", Schema.DurationFromString, { type: "string", description: "a duration such as 90 seconds" }],
    ["BigDecimal", Schema.BigDecimal, { type: "string", pattern: "^-?\\d+(\\.\\d+)?$" }],
    ["BigInt", Schema.BigInt, { type: "string", pattern: "^-?\\d+$" }],
    ["Option", Schema.Option(Schema.Int), { anyOf: [{ type: "integer" }, { type: "null" }] }],
    ["Option beside null", Schema.NullOr(Schema.Option(Schema.Int)), {
      anyOf: [
        {
          type: "object",
          properties: { _tag: { type: "string", enum: ["Some"] }, value: { type: "integer" } },
          required: ["_tag", "value"],
          additionalProperties: false
        },
        {
          type: "object",
          properties: { _tag: { type: "string", enum: ["None"] } },
          required: ["_tag"],
          additionalProperties: false
        },
        { type: "null" }
      ]
    }],
    ["JSON text", Schema.fromJsonString(Schema.Struct({ a: Schema.Int })), {
      type: "string",
      description: "a string that will be decoded as JSON"
    }],
    ["literals", Schema.Literals(["a", "b"]), { type: "string", enum: ["a", "b"] }],
    ["a URL", Schema.URL, { type: "string", description: "a URL" }],
    ["a pattern", Schema.String.check(Schema.isPattern(/^[a-z]+$/)), { type: "string", pattern: "^[a-z]+$" }],
    ["a pattern that looks around", Schema.String.check(Schema.isPattern(/^(?!x)/)), {
      type: "string",
      description: "a string matching the RegExp ^(?!x)"
    }],
    ["a length", Schema.String.check(Schema.isMinLength(3)), {
      type: "string",
      description: "a value with a length of at least 3"
    }],
    [
      "a check of one's own",
      Schema.Int.check(Schema.makeFilter((n: number) => n % 2 === 0, { expected: "an even one" })),
      {
        type: "integer",
        description: "an even one"
      }
    ],
    ["a description of the field", Schema.Int.pipe(Schema.annotateKey({ description: "how many" })), {
      type: "integer",
      description: "how many"
    }],
    ["a description of the value", Schema.DateTimeUtcFromString.annotate({ description: "when" }), {
      type: "string",
      format: "date-time",
      description: "when"
    }],
    [
      "a description of the JSON",
      Schema.String.annotate({ description: "in words" }).pipe(Schema.decodeTo(Schema.Int, {
        decode: SchemaGetter.transform((text: string) => text.length),
        encode: SchemaGetter.transform((n: number) => "x".repeat(n))
      })),
      { type: "string", description: "in words" }
    ]
  ]

  it.each(fields)("of %s", (_, schema, sent) => assert.deepStrictEqual(field(schema), sent))

  it("has descriptions of fields that are renamed", () => {
    const schema = Schema.Struct({ firstName: Schema.String.annotate({ description: "given" }) }).pipe(
      Schema.encodeKeys({ firstName: "first_name" })
    )
    assert.deepStrictEqual(schemaOf(schema)["properties"], { first_name: { type: "string", description: "given" } })
    assert.deepStrictEqual(value(schema, `{"first_name":"Ada"}`), { firstName: "Ada" })
  })

  it("has a part once that has an identifier, and one that is used once where it is used", () => {
    const Place = Schema.Struct({ street: Schema.String, town: Schema.String, country: Schema.String })
      .annotate({ identifier: "Place" })
    const once = JSON.stringify(schemaOf(Schema.Struct({ home: Place })))
    const twice = JSON.stringify(schemaOf(Schema.Struct({ home: Place, work: Schema.optionalKey(Place) })))
    assert.notInclude(once, "$ref")
    assert.strictEqual(twice.split(`"street":`).length, 2)
    assert.isBelow(twice.length, once.length + 160)
    assert.notInclude(JSON.stringify(schemaOf(Place)), "$defs")
  })

  it("refers to the root of what is in itself", () => {
    assert.deepStrictEqual(schemaOf(Tree), {
      type: "object",
      properties: { name: { type: "string" }, children: { type: "array", items: { $ref: "#" } } },
      required: ["name", "children"],
      additionalProperties: false
    })
    assert.deepStrictEqual(schemaOf(Schema.Array(Tree))["$defs"], {
      Part: {
        type: "object",
        properties: { name: { type: "string" }, children: { type: "array", items: { $ref: "#/$defs/Part" } } },
        required: ["name", "children"],
        additionalProperties: false
      }
    })
  })

  it("without strict mode is plain JSON Schema", () => {
    const schema = Schema.Struct({
      a: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(3))),
      b: Schema.Record(Schema.String, Schema.Int),
      c: Schema.Tuple([Schema.Int, Schema.String])
    })
    assert.deepStrictEqual(schemaOf(schema, false), {
      type: "object",
      properties: {
        a: { type: "string", maxLength: 3 },
        b: { type: "object", additionalProperties: { type: "integer" } },
        c: {
          type: "array",
          prefixItems: [{ type: "integer" }, { type: "string" }],
          minItems: 2,
          items: false,
          maxItems: 2
        }
      },
      required: ["b", "c"],
      additionalProperties: false
    })
  })

  it("is not more than a schema that never ends", () => {
    const endless = (): Schema.Codec<unknown, unknown> => Schema.Struct({ a: Schema.suspend(endless) })
    const made = ObjectFormat.make(endless(), true)
    assert.include(Result.isFailure(made) ? made.failure : "", "no end")
  })
})

describe("what comes back", () => {
  it("may be anything at the root", () => {
    assert.strictEqual(value(Schema.Int, `{"value":3}`), 3)
    assert.deepStrictEqual(value(Schema.Array(Schema.String), `{"value":["a"]}`), ["a"])
    assert.strictEqual(value(Schema.Literal("go"), `{"value":"go"}`), "go")
    assert.deepStrictEqual(value(Schema.NullOr(Schema.Struct({ a: Schema.Int })), `{"value":null}`), null)
    assert.deepStrictEqual(value(Schema.Record(Schema.String, Schema.Int), `{"value":[{"key":"a","value":1}]}`), {
      a: 1
    })
  })

  it("is taken without its object as well, which is told", () => {
    const list = decoded(Schema.Array(Schema.Int), "[1,2]")
    assert.deepStrictEqual(Result.getOrThrow(list), { value: [1, 2], repaired: [{ _tag: "Unwrapped" }] })
    const record = decoded(Schema.Record(Schema.String, Schema.Int), `{"value":1}`)
    assert.deepStrictEqual(Result.getOrThrow(record), { value: { value: 1 }, repaired: [{ _tag: "Unwrapped" }] })
    assert.include(issue(Schema.Array(Schema.Int), "[1,2]", false), "value")
  })

  const Prices = Schema.Struct({ prices: Schema.Record(Schema.String, Schema.Int) })

  it.each([
    ["pairs", `{"prices":[{"key":"a","value":1},{"key":"b","value":2}]}`],
    ["lists of two", `{"prices":[["a",1],["b",2]]}`],
    ["an object", `{"prices":{"a":1,"b":2}}`]
  ])("of a record may be %s", (_, text) => assert.deepStrictEqual(value(Prices, text), { prices: { a: 1, b: 2 } }))

  it.each([
    ["pairs", `{"prices":[{"key":"a","value":1},{"key":"a","value":2}]}`],
    ["an object", `{"prices":{"a":1,"b":3,"a":2}}`],
    ["an object behind thoughts", `<think>{}</think>{"prices":{"a":1,"a":2}}`]
  ])(
    "of a record has no key twice in %s",
    (_, text) => assert.include(issue(Prices, text), "a key is there twice at prices")
  )

  it("names no key of the model in its message", () => {
    const result = decoded(Prices, `{"prices":{"secret":"x"}}`)
    assert.deepStrictEqual(Result.isFailure(result) ? result.failure.problem : "", "at prices.*")
  })

  it("has null where the schema takes it, and nothing where it does not", () => {
    const schema = Schema.Struct({
      a: Schema.optionalKey(Schema.Int),
      b: Schema.optional(Schema.Int),
      c: Schema.NullOr(Schema.Int),
      d: Schema.optionalKey(Schema.NullOr(Schema.Int))
    })
    assert.deepStrictEqual(value(schema, `{"a":null,"b":null,"c":null,"d":null}`), { c: null, d: null })
    assert.deepStrictEqual(value(schema, `{"c":null}`), { c: null })
  })

  it("is a value of its type", () => {
    const schema = Schema.Struct({
      date: Schema.Date,
      utc: Schema.DateTimeUtc,
      pause: Schema.Duration,
      price: Schema.BigDecimal,
      count: Schema.BigInt,
      some: Schema.Option(Schema.Int),
      none: Schema.Option(Schema.Int),
      tagged: Schema.Option(Schema.NullOr(Schema.Int)),
      map: Schema.ReadonlyMap(Schema.String, Schema.Int)
    })
    const made = value(
      schema,
      JSON.stringify({
        date: "2026-01-02T03:04:05Z",
        utc: "2026-01-02T03:04:05Z",
        pause: "PT1M30S",
        price: "1.10",
        count: "12345678901234567890",
        some: 1,
        none: null,
        tagged: { _tag: "Some", value: null },
        map: [{ key: "a", value: 1 }]
      })
    )
    assert.strictEqual(made.date.getTime(), Date.UTC(2026, 0, 2, 3, 4, 5))
    assert.strictEqual(DateTime.toEpochMillis(made.utc), Date.UTC(2026, 0, 2, 3, 4, 5))
    assert.strictEqual(Duration.toMillis(made.pause), 90_000)
    assert.isTrue(BigDecimal.equals(made.price, BigDecimal.fromStringUnsafe("1.1")))
    assert.strictEqual(made.count, 12345678901234567890n)
    assert.deepStrictEqual([made.some, made.none], [Option.some(1), Option.none()])
    assert.deepStrictEqual(made.tagged, Option.some(null))
    assert.deepStrictEqual(made.map, new Map([["a", 1]]))
  })

  it("has the items of a list that fit, if they are to be kept", () => {
    const Names = Schema.Struct({ names: Schema.Array(Schema.NonEmptyString).pipe(OpenRouter.keepFitting) })
    const text = `{"names":["Ada","",7,"Bob"]}`
    const { repaired, value } = Result.getOrThrow(decoded(Names, text))
    assert.deepStrictEqual(value, { names: ["Ada", "Bob"] })
    assert.deepStrictEqual(repaired.map((repair) => repair._tag === "Misfit" ? repair.path : ""), [
      "names[1]",
      "names[2]"
    ])
    assert.include(issue(Schema.Struct({ names: Schema.Array(Schema.NonEmptyString) }), text), "names")
    // What is left has to keep to the checks of the list.
    const Two = Schema.Array(Schema.Int).check(Schema.isMinLength(2)).pipe(OpenRouter.keepFitting)
    assert.include(issue(Schema.Struct({ two: Two }), `{"two":[1,"x"]}`), "two")
  })

  it("is chosen among several values by what fits", () => {
    const text = `An example: {"a":"x"}. The answer: {"a":2}`
    const { repaired, value } = Result.getOrThrow(decoded(Schema.Struct({ a: Schema.Int }), text))
    assert.deepStrictEqual([value, repaired], [{ a: 2 }, [{ _tag: "SurroundingText" }]])
    assert.include(issue(Schema.Struct({ a: Schema.Int }), text, false), "not JSON")
  })
})
