import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, Schema, SchemaGetter, Stream } from "effect"
import { CostLedger, OpenRouter } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import * as data from "../../../examples/town/data.ts"
import * as Report from "../../../examples/town/Report.ts"
import * as Town from "../../../examples/town/Town.ts"
import { ask, model } from "../client/support.ts"

const input = "What does Bob want?"

class Person extends Schema.Class<Person>("Person")({ name: Schema.NonEmptyString, age: Schema.Int }) {}

interface Tree {
  readonly name: string
  readonly children: ReadonlyArray<Tree>
}

const Tree: Schema.Codec<Tree> = Schema.Struct({
  name: Schema.String,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
}).annotate({ identifier: "Tree" })

const isEven = Schema.makeFilter((n: number) => n % 2 === 0, { expected: "an even number" })

/** A field of every kind that a program is likely to ask for. */
const kinds = {
  text: Schema.String,
  flag: Schema.Boolean,
  number: Schema.Number,
  whole: Schema.Int,
  between: Schema.Finite.check(Schema.isBetween({ minimum: 3, maximum: 4 })),
  literal: Schema.Literals(["the inn", "the mill"]),
  optional: Schema.optionalKey(Schema.String),
  maybe: Schema.NullOr(Schema.Int),
  list: Schema.Array(Schema.String).check(Schema.isMinLength(2)),
  tuple: Schema.Tuple([Schema.String, Schema.Int]),
  record: Schema.Record(Schema.String, Schema.Int),
  union: Schema.Union([
    Schema.TaggedStruct("Stay", { why: Schema.String }),
    Schema.TaggedStruct("Go", { to: Schema.Literals(["the inn", "the mill"]), hours: Schema.Int })
  ]),
  brand: Schema.NonEmptyString.pipe(Schema.brand("Name")),
  class: Person,
  tree: Tree,
  pattern: Schema.String.check(Schema.isPattern(/^[A-Z]{2}-\d{3}$/)),
  even: Schema.Int.check(isEven),
  number_as_text: Schema.NumberFromString,
  instant: Schema.DateTimeUtcFromString,
  date: Schema.DateFromString,
  bigint: Schema.BigIntFromString,
  url: Schema.URLFromString,
  option: Schema.OptionFromNullOr(Schema.String),
  upper: Schema.String.pipe(Schema.decodeTo(Schema.String, {
    decode: SchemaGetter.transform((text: string) => text.toUpperCase()),
    encode: SchemaGetter.transform((text: string) => text.toLowerCase())
  }))
}

describe("a test client without a script", () => {
  it.effect.each(Object.entries(kinds))(
    "answers a structured call with a field of %s, always alike",
    ([, field]) =>
      Effect.gen(function*() {
        const schema = Schema.Struct({ field })
        const answersOf = (seed: number) =>
          Effect.forEach(
            Array.from({ length: 5 }, (_, n) => n),
            (n) => OpenRouter.respondObject({ model, input: `${input} ${n}`, schema })
          ).pipe(Effect.provide(OpenRouterTest.layerAuto({ seed })))
        const first = yield* answersOf(1)
        for (const { value } of first) assert.isTrue(Schema.is(schema)(value))
        OpenRouterTest.expectEqual((yield* answersOf(1)).map(({ text }) => text), first.map(({ text }) => text))
      })
  )

  it.effect("answers in any order alike, and another seed or request otherwise", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct(kinds)
      const one = (n: number) => OpenRouter.respondObject({ model, input: `${input} ${n}`, schema })
      const numbers = Array.from({ length: 10 }, (_, n) => n)
      const texts = (seed: number, order: ReadonlyArray<number>) =>
        Effect.forEach(order, (n) => Effect.map(one(n), ({ text }) => [n, text] as const), {
          concurrency: "unbounded"
        }).pipe(
          Effect.map((texts) => new Map(texts)),
          Effect.provide(OpenRouterTest.layerAuto({ seed }))
        )
      const first = yield* texts(1, numbers)
      assert.deepStrictEqual(new Map([...yield* texts(1, numbers.toReversed())].toReversed()), first)
      assert.strictEqual(new Set(first.values()).size, 10)
      assert.notDeepEqual(yield* texts(2, numbers), first)
    }))

  it.effect("answers in words also where a rule of the program asks for something else beside them", () =>
    Effect.gen(function*() {
      const isLarge = Schema.makeFilter((n: number) => n > 1000, { expected: "a large number" })
      const schema = Schema.Struct({ action: Schema.String, age: Schema.Int.check(isLarge) })
      for (let n = 0; n < 5; n++) {
        const { value } = yield* OpenRouter.respondObject({ model, input: `${input} ${n}`, schema })
        assert.match(value.action, /^[A-Z][a-z' ]+\.$/)
        assert.isAbove(value.age, 1000)
      }
    }).pipe(Effect.provide(OpenRouterTest.layerAuto())))

  it.effect("answers a plain call with text, streamed or not", () =>
    Effect.gen(function*() {
      const { text } = yield* ask()
      assert.isAbove(text.length, 20)
      const streamed = yield* Stream.mkString(OpenRouter.streamText({ model, input: "Hello" }))
      assert.strictEqual(streamed, text)
      assert.strictEqual((yield* OpenRouterTest.calls).length, 2)
    }).pipe(Effect.provide(OpenRouterTest.layerAuto())))

  it.effect("answers what a request by hand asks for", () =>
    Effect.gen(function*() {
      const format = {
        type: "json_schema" as const,
        name: "n",
        schema: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] }
      }
      const { text } = yield* OpenRouter.respond({ model, input, text: { format } })
      assert.isTrue(Number.isInteger(JSON.parse(text).n))
      const object = yield* OpenRouter.respond({ model, input, text: { format: { type: "json_object" } } })
      assert.strictEqual(typeof JSON.parse(object.text), "object")
    }).pipe(Effect.provide(OpenRouterTest.layerAuto())))

  it.effect("is a part of a script as well", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ n: Schema.Int })
      yield* OpenRouterTest.expectError(ask("Ann"), "Refused")
      const { value } = yield* OpenRouter.respondObject({ model, input, schema })
      assert.isTrue(Number.isInteger(value.n))
      assert.isAbove((yield* ask("Bob")).text.length, 20)
    }).pipe(Effect.provide(OpenRouterTest.layer(
      OpenRouterTest.byRequest([({ input }) => input === "Ann", OpenRouterTest.refused()]).pipe(
        OpenRouterTest.orElse(OpenRouterTest.auto({ seed: 7 }))
      )
    ))))

  it.effect("takes the cost and the time that it is told", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(0)
      const fiber = yield* Effect.forkChild(Effect.zip(CostLedger.measured(ask()), Clock.currentTimeMillis))
      yield* TestClock.adjust("10 seconds")
      const [[, spent], now] = yield* Fiber.join(fiber)
      assert.deepStrictEqual([`${spent.cost}`, now], ["$0.02", 3000])
    }).pipe(Effect.provide(OpenRouterTest.layerAuto({ cost: "0.02", latency: "3 seconds" }))))

  it.effect("says so where no answer exists", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({
        n: Schema.Int.check(Schema.makeFilter(() => false, { expected: "what there is not" }))
      })
      const exit = yield* Effect.exit(
        OpenRouter.respondObject({ model, input, schema }).pipe(Effect.provide(OpenRouterTest.layerAuto()))
      )
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "give one with layer and bySchema")
    }))
})

describe("the town without a script", () => {
  const told = (seed: number) =>
    Town.run({ model, ticks: 3, people: data.people, places: data.places, say: () => Effect.void }).pipe(
      Effect.provide(OpenRouterTest.layerAuto({ seed, cost: "0.001" }))
    )

  it.effect("lives, and twice the same", () =>
    Effect.gen(function*() {
      const story = yield* told(7)
      assert.strictEqual(story.stoppedBy, undefined)
      assert.lengthOf(story.ticks, 3)
      assert.strictEqual(`${story.costs.cost}`, "$0.072")
      for (const { scenes, turns } of story.ticks) {
        for (const { narration } of scenes) assert.isAbove(narration.length, 20)
        for (const { action, goTo, idle } of turns) {
          assert.strictEqual(idle, undefined)
          assert.isAbove(action.length, 10)
          assert.include(data.places.map(({ name }) => name), goTo)
        }
      }
      assert.strictEqual(Report.toJson(yield* told(7)), Report.toJson(story))
      assert.notStrictEqual(Report.toJson(yield* told(8)), Report.toJson(story))
    }))
})
