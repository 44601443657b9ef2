import { assert, describe, it } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import { Arbitrary, Effect, Equal, Option, Predicate, Result, Schema, Stream } from "effect"
import { OpenRouter } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { inspect } from "node:util"
import * as ObjectFormat from "../../../src/domain/object/ObjectFormat.ts"
import { type AnySchema, schemaOf } from "../../domain/object/schemas.ts"
import { problemsOf } from "../../domain/object/strict.ts"
import { quarter } from "../../thorough.ts"
import { emulated, final, model } from "../client/support.ts"

const ajv = new Ajv2020({
  strict: true,
  strictTuples: false,
  allowUnionTypes: true,
  formats: {
    "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
    duration: /^[+-]?P(?!$)(\d+W)?(\d+D)?(T(?!$)(\d+H)?(\d+M)?(\d+([.,]\d+)?S)?)?$/,
    uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
  }
})

/** The schemas with their formats, each prepared once. */
const cases = Array.from({ length: quarter(300) }, (_, index) => {
  const seed = index + 1
  const schema = schemaOf(seed)
  const formatOf = (isStrict: boolean) => Result.getOrThrow(ObjectFormat.make(schema, isStrict))
  return { seed, schema, strict: formatOf(true), plain: formatOf(false) }
})

const assertSame = (schema: AnySchema, actual: unknown, expected: unknown, seed: number) =>
  assert.isTrue(Schema.toEquivalence(schema)(actual, expected), inspect({ seed, actual, expected }, { depth: null }))

/** What becomes of a value that is written as JSON and read again, by Effect alone. */
const throughJson = (schema: AnySchema, value: unknown) =>
  Effect.flatMap(
    Schema.encodeUnknownEffect(Schema.toCodecJson(schema))(value),
    (json) => Schema.decodeUnknownEffect(Schema.toCodecJson(schema))(JSON.parse(JSON.stringify(json)))
  )

/** A field that is undefined comes back as one that is missing. */
const withoutUndefined = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(withoutUndefined)
    : Predicate.isObject(value) && Object.getPrototypeOf(value) === Object.prototype
    ? Object.fromEntries(
      Object.entries(value).flatMap(([key, member]) =>
        key === "maybe" && member === undefined ? [] : [[key, withoutUndefined(member)]]
      )
    )
    : value

/** True if nothing in a partial value is something else in the whole one. */
const isPartOf = (part: unknown, whole: unknown): boolean => {
  if (typeof part === "string" && typeof whole === "string") return whole.startsWith(part)
  if (Array.isArray(part)) {
    return Array.isArray(whole) && part.every((item, index) => isPartOf(item, whole[index]))
  }
  if (Equal.equals(part, whole)) return true
  return Predicate.isObject(part) && Object.getPrototypeOf(part) === Object.prototype && Predicate.isObject(whole) &&
    Object.entries(part).every(([key, member]) => isPartOf(member, whole[key]))
}

const request = (schema: AnySchema, seed: number, strict: boolean) => ({
  model,
  input: `question ${seed}`,
  schema,
  strict,
  repair: false
})

/** Asks for an object, streamed and not, and checks what the stream shows on the way. */
const both = Effect.fnUntraced(function*(schema: AnySchema, seed: number, strict: boolean) {
  const { repaired, value } = yield* OpenRouter.respondObject(request(schema, seed, strict))
  assert.deepStrictEqual(repaired, [])
  const parts = yield* Stream.runCollect(OpenRouter.streamObject(request(schema, seed, strict)))
  const last = parts.at(-1)
  assertSame(schema, last?._tag === "Complete" ? last.answer.value : "nothing", value, seed)
  const partial = parts.flatMap((part) => part._tag === "Partial" ? [part.value] : [])
  for (const [index, part] of partial.entries()) {
    assert.isTrue(isPartOf(part, value), inspect([seed, part, value], { depth: null }))
    assert.isFalse(index > 0 && Equal.equals(part, partial[index - 1]), "two equal ones in a row")
  }
  return { value, partial: partial.length }
})

describe(`${cases.length} schemas`, () => {
  it("are asked for within the rules of strict mode", () => {
    for (const { plain, seed, strict } of cases) {
      assert.deepStrictEqual(problemsOf(strict.jsonSchema), [], `${seed}: ${JSON.stringify(strict.jsonSchema)}`)
      ajv.compile(strict.jsonSchema)
      if (seed % 3 === 0) ajv.compile(plain.jsonSchema)
    }
  }, 60_000)

  it.effect("are read as they are written, streamed or not", () =>
    Effect.gen(function*() {
      let written = 0
      let shown = 0
      for (const { plain, schema, seed, strict } of cases) {
        const format = seed % 3 === 0 ? plain : strict
        const isValid = ajv.compile(format.jsonSchema)
        const values = yield* Arbitrary.sampleEffect(Arbitrary.schema(schema), { count: 1, seed, size: 6 })
        for (const value of values.map(withoutUndefined)) {
          const text = Option.getOrUndefined(Result.getSuccess(ObjectFormat.encodeText(format, schema, value)))
          // A model is not asked for infinite durations, nor for numbers with an exponent where they are texts.
          // JSON.parse of Node 24 reads a key of half a surrogate pair as another one that it has seen before.
          if (text === undefined || /"-?[\d.]+e[+-]\d+"|\\ud[89a-f]/.test(text)) continue
          const problem = () =>
            inspect({ seed, text, errors: isValid.errors, schema: format.jsonSchema }, { depth: null })
          assert.isTrue(isValid(JSON.parse(text)) || problem())
          answers.set(`question ${seed}`, text)
          const read = yield* both(schema, seed, format.isStrict)
          assertSame(schema, read.value, yield* throughJson(schema, value), seed)
          written++
          shown += read.partial
        }
      }
      assert.isAbove(written, cases.length * 2 / 3)
      assert.isAbove(shown, written)
    }).pipe(Effect.provide(final(emulated({
      rules: [{ reply: ({ text }) => Emulator.Reply.text(answers.get(text) ?? "") }]
    })))), 120_000)

  it.effect("are answered by a model that keeps to them", () =>
    Effect.gen(function*() {
      let repeated = 0
      for (const { plain, schema, seed, strict } of cases) {
        const format = seed % 3 === 0 ? plain : strict
        const answered = yield* Effect.result(both(schema, seed, format.isStrict))
        // Where there are few keys the emulator gives some of them twice.
        if (Result.isFailure(answered)) {
          assert.include(answered.failure.message, "a key is there twice", inspect([seed, answered.failure]))
          repeated++
          continue
        }
        const { value } = answered.success
        assert.isTrue(Schema.is(schema)(value), `${seed}`)
        const text = Result.getOrThrow(ObjectFormat.encodeText(format, schema, value))
        assert.isTrue(ajv.compile(format.jsonSchema)(JSON.parse(text)), `${seed}: ${text}`)
        assertSame(schema, Result.getOrThrow(ObjectFormat.decodeText(format, schema, text, false)).value, value, seed)
      }
      assert.isBelow(repeated, cases.length / 15)
    }).pipe(Effect.provide(final(emulated()))), 120_000)
})

const answers = new Map<string, string>()
