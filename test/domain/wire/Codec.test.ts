import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Exit, Predicate, Schema, SchemaParser, SchemaTransformation } from "effect"
import { inspect } from "node:util"
import { Usage } from "../../../src/domain/money/Usage.ts"
import * as Usd from "../../../src/domain/money/Usd.ts"
import { CreateResponse } from "../../../src/domain/request/CreateResponse.ts"
import { UrlCitation } from "../../../src/domain/response/ContentPart.ts"
import { arms as items } from "../../../src/domain/response/OutputItem.ts"
import { Response } from "../../../src/domain/response/Response.ts"
import { arms as events } from "../../../src/domain/stream/StreamEvent.ts"
import * as Codec from "../../../src/domain/wire/Codec.ts"
import * as Wire from "../../../src/domain/wire/Wire.ts"
import { below, mutate, random } from "../../fuzz/mutate.ts"
import { interpreted } from "./interpreted.ts"

const all: Readonly<Record<string, Schema.Codec<object, unknown>>> = {
  ...items,
  ...events,
  Response,
  Usage,
  UrlCitation
}

/** No values are generated for the events that carry a response; the response itself is here. */
const carriers = ["created", "queued", "in_progress", "completed", "incomplete", "failed"].map((end) =>
  `response.${end}`
)

const schemas = Object.entries(all).filter(([name]) => !carriers.includes(name))

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Members = ReadonlyArray<readonly [key: string, value: unknown]>

/** One in five members is left out, of another kind, beside another one, or as `others` say. */
const changed = (value: unknown, seed: number, others: ReadonlyArray<(key: string, value: unknown) => Members>) => {
  if (!Predicate.isObject(value)) return value
  const draw = random(seed)
  const changes: typeof others = [
    () => [],
    (key, value) => [[key, typeof value === "string" ? 1 : "text"]],
    (key, value) => [[`x_${key}`, 1], [key, value]],
    (key) => [[key, null]],
    ...others
  ]
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, value]): Members =>
      changes[below(draw, changes.length * 5)]?.(key, value) ?? [[key, value]]
    )
  )
}

/** Of JSON: under the name that the member has in the program. */
const changedJson = (json: unknown, seed: number) =>
  changed(json, seed, [
    (name, value) => [[name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), value]]
  ])

/** Of a value of the program: undefined. */
const changedValue = (value: unknown, seed: number) => changed(value, seed, [(key) => [[key, undefined]]])

describe("the reader of a schema", () => {
  it.effect.each(schemas)(
    "gives for %s what the schema gives, or leaves it to the schema",
    ([, schema]) =>
      Effect.gen(function*() {
        const read = Codec.reader(schema)
        const decode = SchemaParser.decodeUnknownExit(interpreted(schema))
        const encode = SchemaParser.encodeUnknownExit(interpreted(schema))
        const seen = { read: 0, left: 0, rejected: 0 }
        const values = yield* Arbitrary.sampleEffect(Arbitrary.schema(Schema.toType(schema)), {
          count: 60,
          seed: 1,
          size: 6,
          maxDiscards: 10_000
        })
        for (const [index, value] of values.entries()) {
          const encoded = encode(value)
          if (Exit.isFailure(encoded)) continue
          const text = JSON.stringify(encoded.value)
          const draw = random(index)
          const variants = [
            parsed(text),
            changedJson(parsed(text), index),
            changedJson(parsed(text), index + 1000),
            parsed(mutate(draw, text).text)
          ]
          for (const json of variants) {
            const value = read(json)
            const exit = decode(json)
            if (value === Codec.misfit) {
              if (Exit.isSuccess(exit)) seen.left++
              else seen.rejected++
              continue
            }
            seen.read++
            assert.isTrue(Exit.isSuccess(exit), `read what the schema rejects: ${JSON.stringify(json)}`)
            if (Exit.isSuccess(exit)) assert.deepStrictEqual(value, exit.value)
          }
        }
        // A reader that leaves everything to the schema would pass as well, and be of no use.
        assert.isAbove(seen.read, seen.left * 4, JSON.stringify(seen))
        assert.isAbove(seen.rejected, 0, JSON.stringify(seen))
      })
  )

  it("does not look at what its schema does not have", () => {
    const Pair = Wire.Struct({ firstName: Schema.String, age: Schema.optionalKey(Schema.Int) })
    const read = Codec.reader(Pair)
    assert.deepStrictEqual(read({ first_name: "Ann", age: null, other: 1 }), { firstName: "Ann" })
    assert.strictEqual(read({ first_name: "Ann", age: 1.5 }), Codec.misfit)
    assert.strictEqual(read({ age: 1 }), Codec.misfit)
    assert.strictEqual(read({ first_name: "Ann", firstName: "Bob" }), Codec.misfit)
    assert.strictEqual(read([]), Codec.misfit)
  })

  it("reads JSON whose members come in another order, or are others, than those of the JSON before", () => {
    const Pair = Wire.Struct({ firstName: Schema.String, age: Schema.optionalKey(Schema.Int) })
    const read = Codec.reader(Pair)
    for (let time = 0; time < 2; time++) {
      assert.deepStrictEqual(read({ first_name: "Ann", age: 1 }), { firstName: "Ann", age: 1 })
      assert.deepStrictEqual(read({ other: 2, age: 1, first_name: "Bob" }), { firstName: "Bob", age: 1 })
      assert.deepStrictEqual(read({ age: null, other: 2, first_name: "Eve" }), { firstName: "Eve" })
      assert.deepStrictEqual(read({ first_name: "Joe" }), { firstName: "Joe" })
      assert.strictEqual(read({ age: 1 }), Codec.misfit)
      assert.strictEqual(read({}), Codec.misfit)
    }
  })

  it("reads a struct that has plain code for its usual shape as its schema does", () => {
    const read = Codec.reader(UrlCitation)
    const decode = Schema.decodeUnknownExit(interpreted(UrlCitation))
    const usual = { type: "url_citation", url: "https://a.example", title: "A", start_index: 0, end_index: 9 }
    const others = [
      {},
      { other: 1 },
      { content: "text" },
      { content: null },
      { content: undefined },
      { title: null },
      { title: 1 },
      { url: null },
      { start_index: null },
      { end_index: Infinity },
      { startIndex: 3 },
      { endIndex: null },
      { type: "file_citation" }
    ]
    for (const other of others) {
      const exit = decode({ ...usual, ...other })
      const value = read({ ...usual, ...other })
      if (value !== Codec.misfit) assert.deepStrictEqual(exit, Exit.succeed(value))
    }
    assert.deepStrictEqual(read(usual), {
      type: "url_citation",
      url: "https://a.example",
      title: "A",
      startIndex: 0,
      endIndex: 9
    })
    const Numbered = UrlCitation.with(() => ({ number: Schema.Int }))
    assert.strictEqual(Codec.reader(Numbered)(usual), Codec.misfit)
    assert.deepStrictEqual(Object.keys(Object(Codec.reader(Numbered)({ ...usual, number: 1 }))).length, 6)
  })

  it("leaves a transformation that was added to the schema", () => {
    const Cents = Schema.Finite.pipe(Schema.decodeTo(
      Usd.FromNumber,
      SchemaTransformation.transform({ decode: (cents) => cents / 100, encode: (dollars) => dollars * 100 })
    ))
    const Item = Wire.Struct({ price: Cents })
    assert.deepStrictEqual(
      Codec.reader(Item)({ price: 250 }),
      Schema.decodeUnknownSync(interpreted(Item))({ price: 250 })
    )
    assert.deepStrictEqual(Codec.reader(Item)({ price: 250 }), { price: Usd.fromNumber(2.5) })
  })

  it("leaves an absent member that the schema fills in", () => {
    const Filled = Wire.Struct({
      size: Schema.optionalKey(Schema.Finite).pipe(Schema.withDecodingDefaultKey(Effect.succeed(3)))
    })
    assert.notDeepEqual(Codec.reader(Filled)({}), {})
  })

  it("takes the first member of a union that fits, as the schema does", () => {
    const Either = Schema.Union([Usd.FromNumber, Schema.Number])
    assert.deepStrictEqual(Codec.reader(Either)(2.5), Schema.decodeUnknownSync(Either)(2.5))
    const Parts = Schema.Array(Schema.NullOr(Wire.OpenUnion(items, { identifier: "Part" })))
    assert.deepStrictEqual(Codec.reader(Parts)([null]), Schema.decodeUnknownSync(Parts)([null]))
  })

  it("is not that of a schema that was turned around, or of a type with another transformation", () => {
    const Short = Schema.flip(Wire.OpenLiterals(["a"]).check(Schema.isMaxLength(1)))
    assert.strictEqual(Codec.reader(Short)("long"), Codec.misfit)
    const Person = Schema.String.pipe(Schema.decodeTo(
      Schema.toType(Wire.Struct({ firstName: Schema.String })),
      SchemaTransformation.transform({
        decode: (firstName) => ({ firstName }),
        encode: ({ firstName }) => firstName
      })
    ))
    assert.deepStrictEqual(Codec.reader(Person)("Ann"), { firstName: "Ann" })
  })

  it("respects checks that are added to a schema", () => {
    const Adult = Wire.Struct({ age: Schema.Int }).check(Schema.makeFilter(({ age }) => age >= 18))
    assert.strictEqual(Codec.reader(Adult)({ age: 17 }), Codec.misfit)
    assert.deepStrictEqual(Codec.reader(Adult)({ age: 18 }), { age: 18 })
    const Name = Wire.Struct({ name: Schema.String.check(Schema.isMaxLength(3)) })
    assert.strictEqual(Codec.reader(Name)({ name: "Anna" }), Codec.misfit)
  })

  it("is not that of the type alone", () => {
    const Person = Wire.Struct({ firstName: Schema.String })
    assert.strictEqual(Codec.reader(Schema.toType(Person))({ first_name: "Ann" }), Codec.misfit)
    assert.deepStrictEqual(Codec.reader(Schema.toType(Person))({ firstName: "Ann" }), { firstName: "Ann" })
  })
})

const requests: ReadonlyArray<readonly [string, Schema.Codec<object, unknown>]> = Object.entries({
  ...items,
  CreateResponse
})

describe("the writer of a schema", () => {
  it("leaves what is no plain object to the schema, which sees all of its keys", () => {
    class Asked {
      get model() {
        return "a/b"
      }
    }
    const write = Codec.writer(CreateResponse)
    assert.strictEqual(write(Object.assign(new Asked(), { input: "Hi", temprature: 1 })), Codec.misfit)
    assert.strictEqual(write({ input: "Hi", [Symbol("other")]: 1 }), Codec.misfit)
    assert.strictEqual(
      write(Object.defineProperty({ temprature: 1 }, "input", { value: "Hi", enumerable: false })),
      Codec.misfit
    )
  })

  it("runs the checks of a schema", () => {
    const write = Codec.writer(CreateResponse)
    assert.deepStrictEqual(write({ model: "a/b", input: "Hi" }), { model: "a/b", input: "Hi" })
    assert.strictEqual(write({ model: " ", input: "Hi" }), Codec.misfit)
    // Of the whole, too.
    assert.strictEqual(write({ model: "a/b" }), Codec.misfit)
  })

  it.effect.each(requests)(
    "gives for %s what the schema gives, or leaves it to the schema",
    ([, schema]) =>
      Effect.gen(function*() {
        const write = Codec.writer(schema)
        const encode = SchemaParser.encodeUnknownExit(interpreted(schema), { onExcessProperty: "error" })
        const seen = { written: 0, left: 0, rejected: 0 }
        const values = yield* Arbitrary.sampleEffect(Arbitrary.schema(Schema.toType(schema)), {
          count: 60,
          seed: 2,
          size: 6,
          maxDiscards: 10_000
        })
        for (const [index, value] of values.entries()) {
          for (const one of [value, value, changedValue(value, index)]) {
            const json = write(one)
            const exit = encode(one)
            if (json === Codec.misfit) {
              if (Exit.isSuccess(exit)) seen.left++
              else seen.rejected++
              continue
            }
            seen.written++
            assert.isTrue(Exit.isSuccess(exit), `wrote what the schema rejects: ${inspect(one)}`)
            // The same bytes, so that a cache of prompts finds them again.
            if (Exit.isSuccess(exit)) assert.strictEqual(JSON.stringify(json), JSON.stringify(exit.value))
          }
        }
        assert.isAbove(seen.written, seen.left * 4, JSON.stringify(seen))
        assert.isAbove(seen.rejected, 0, JSON.stringify(seen))
      })
  )
})

describe("a schema with a codec", () => {
  const make = () => {
    const seen = { read: 0, written: 0 }
    const Celsius = Schema.Finite.pipe(Schema.decodeTo(
      Schema.Struct({ degrees: Schema.Finite }),
      SchemaTransformation.transform({ decode: (degrees) => ({ degrees }), encode: ({ degrees }) => degrees })
    ))
    const Served = Codec.serving(Celsius, {
      read: (json) => {
        seen.read++
        return typeof json === "number" && json > -274 ? { degrees: json } : Codec.misfit
      },
      write: (value) => {
        seen.written++
        return Predicate.isObject(value) && Predicate.hasProperty(value, "degrees") && value.degrees !== 0
          ? value.degrees
          : Codec.misfit
      }
    })
    return { Served, seen }
  }

  it("uses it wherever it stands", () => {
    const { Served, seen } = make()
    const Mine = Schema.Struct({ one: Served, many: Schema.Array(Served), none: Schema.NullOr(Served) })
    const value = { one: { degrees: 1 }, many: [{ degrees: 2 }], none: null }
    assert.deepStrictEqual(Schema.decodeUnknownSync(Mine)({ one: 1, many: [2], none: null }), value)
    assert.deepStrictEqual(Schema.encodeSync(Mine)(value), { one: 1, many: [2], none: null })
    assert.deepStrictEqual(seen, { read: 2, written: 2 })
  })

  it("leaves to the schema what it does not read or write, and what options ask of it", () => {
    const { Served, seen } = make()
    assert.deepStrictEqual(Schema.decodeUnknownSync(Served)(-300), { degrees: -300 })
    assert.strictEqual(Schema.encodeSync(Served)({ degrees: 0 }), 0)
    assert.deepStrictEqual(seen, { read: 1, written: 1 })
    assert.isTrue(Exit.isFailure(SchemaParser.decodeUnknownExit(Served)("cold")))
    assert.deepStrictEqual(Schema.decodeUnknownSync(Served, { disableChecks: true })(1), { degrees: 1 })
    assert.deepStrictEqual(Schema.decodeUnknownSync(Served, { onExcessProperty: "error" })(1), { degrees: 1 })
    assert.strictEqual(seen.read, 2)
  })

  it("says of unknown keys and of missing fields what the schema says", () => {
    const Pair = Wire.Struct({ firstName: Schema.String, age: Schema.optionalKey(Schema.Int) })
    const strict = SchemaParser.decodeUnknownExit(Pair, { onExcessProperty: "error" })
    assert.isTrue(Exit.isFailure(strict({ first_name: "Ann", other: 1 })))
    assert.isTrue(Exit.isSuccess(strict({ first_name: "Ann", age: 1 })))
    assert.throws(() => Schema.decodeUnknownSync(Schema.Struct({ pair: Pair }))({}), /Missing key[^]*pair/)
    assert.throws(() => Schema.decodeUnknownSync(Schema.Struct({ pair: Pair }))({ pair: { age: 1 } }), /firstName/)
    assert.throws(() => Schema.encodeUnknownSync(Schema.Array(Pair))([{ firstName: 1 }]), /0[^]*firstName/)
    assert.deepStrictEqual(Pair.make({ firstName: "Ann" }), { firstName: "Ann" })
  })

  it("does not hand its codec to a schema with another transformation or check", () => {
    const { Served, seen } = make()
    const Warm = Served.check(Schema.makeFilter(({ degrees }) => degrees > 20))
    assert.isTrue(Exit.isFailure(SchemaParser.decodeUnknownExit(Warm)(10)))
    const Text = Schema.FiniteFromString.pipe(Schema.decodeTo(Served))
    assert.deepStrictEqual(Schema.decodeUnknownSync(Text)("7"), { degrees: 7 })
    assert.isTrue(Schema.is(Served)({ degrees: -300 }))
    assert.strictEqual(seen.read, 0)
  })
})
