import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { CostLedger, OpenRouter, Usd } from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { emulated, final, model } from "../client/support.ts"

/** A model that writes this text letter by letter. */
const letters = (text: string) =>
  final(emulated({ rules: [{ reply: Emulator.Reply.text(text, { stream: { tokensPerDelta: 0.25 } }) }] }))

const shown = <A, E>(schema: Schema.Codec<A, E>, text: string) =>
  OpenRouter.streamObject({ model, input: "Hi", schema }).pipe(
    Stream.runCollect,
    Effect.map((parts) => parts.flatMap((part) => part._tag === "Partial" ? [part.value] : [])),
    Effect.provide(letters(text))
  )

describe("a value that arrives", () => {
  it.effect("has numbers, literals and dates only when they are complete", () =>
    Effect.gen(function*() {
      const Visit = Schema.Struct({
        mood: Schema.Literals(["sad", "saddened"]),
        hours: Schema.Finite,
        at: Schema.Date,
        isFree: Schema.Boolean,
        note: Schema.String
      })
      const at = "2026-01-02T03:04:05.000Z"
      const parts = yield* shown(
        Visit,
        `{"mood":"saddened","hours":12.5,"at":"${at}","isFree":true,"note":"all is well"}`
      )
      assert.isAbove(parts.length, 5)
      for (const { at: date, hours, isFree, mood } of parts) {
        assert.include([undefined, "saddened"], mood)
        assert.include([undefined, 12.5], hours)
        assert.include([undefined, true], isFree)
        assert.include([undefined, at], date?.toISOString())
      }
      assert.isAbove(new Set(parts.map(({ note }) => note)).size, 3)
      assert.strictEqual(parts.at(-1)?.at?.toISOString(), at)
    }))

  it.effect("has texts as far as they go, unless they are to appear whole", () =>
    Effect.gen(function*() {
      const Person = Schema.Struct({
        name: Schema.String.pipe(OpenRouter.whole),
        story: Schema.String,
        home: Schema.Struct({ street: Schema.String, town: Schema.String }).pipe(OpenRouter.whole)
      })
      const home = { street: "Mill Lane", town: "Bern" }
      const parts = yield* shown(Person, JSON.stringify({ name: "Ada Lovelace", story: "Once upon a time", home }))
      assert.deepStrictEqual(Array.from(new Set(parts.map(({ name }) => name))), [undefined, "Ada Lovelace"])
      assert.isAbove(new Set(parts.map(({ story }) => story)).size, 5)
      for (const part of parts) if (part.home !== undefined) assert.deepStrictEqual(part.home, home)
    }))

  it.effect("never comes twice in a row", () =>
    Effect.gen(function*() {
      const text = JSON.stringify({ n: 1234567890, list: [1, 2, 3], s: "abc" })
      const parts = yield* shown(
        Schema.Struct({ n: Schema.Finite, list: Schema.Array(Schema.Int), s: Schema.String }),
        text
      )
      const texts = parts.map((part) => JSON.stringify(part))
      assert.deepStrictEqual(texts.filter((text, index) => text === texts[index - 1]), [])
    }))

  it.effect("has the names of the schema, and values of its classes as plain ones", () =>
    Effect.gen(function*() {
      class Person extends Schema.Class<Person>("Person")({ first: Schema.String, age: Schema.Int }) {}
      const Renamed = Schema.Struct({ oldest: Person, firstWords: Schema.String }).pipe(
        Schema.encodeKeys({ firstWords: "first_words" })
      )
      const parts = yield* shown(Renamed, `{"oldest":{"first":"Ada","age":36},"first_words":"Hello there"}`)
      assert.deepInclude(parts, { oldest: { first: "Ada", age: 36 }, firstWords: "Hell" })
    }))

  it.effect("of a union is shown when it is clear which it is", () =>
    Effect.gen(function*() {
      const Move = Schema.Union([
        Schema.Struct({ kind: Schema.Literal("go"), to: Schema.String }),
        Schema.Struct({ kind: Schema.Literal("gossip"), to: Schema.Int })
      ])
      const parts = yield* shown(Move, `{"value":{"kind":"go","to":"the mill"}}`)
      for (const part of parts) assert.include([undefined, "go"], part.kind)
      assert.deepInclude(parts, { kind: "go", to: "the " })
      assert.deepStrictEqual(yield* shown(Schema.NullOr(Move), `{"value":null}`), [null])
    }))

  it.effect("of a list or a record grows", () =>
    Effect.gen(function*() {
      const list = yield* shown(Schema.Array(Schema.Int), `{"value":[10,20,30]}`)
      assert.deepStrictEqual(list, [[], [10], [10, 20], [10, 20, 30]])
      const record = yield* shown(
        Schema.Record(Schema.String, Schema.Int),
        `{"value":[{"key":"bread","value":1},{"key":"milk","value":2}]}`
      )
      assert.deepStrictEqual(record, [{}, { bread: 1 }, { bread: 1, milk: 2 }])
    }))
})

describe("the elements of a list", () => {
  const Person = Schema.Struct({ name: Schema.NonEmptyString, born: Schema.Date })

  const ask = OpenRouter.streamElements({ model, input: "Who lives here?", schema: Person })

  const person = (name: string) => ({ name, born: "1815-12-10T00:00:00.000Z" })

  const list = (...people: ReadonlyArray<unknown>) => JSON.stringify({ value: people })

  const telling = (text: string, stream: Emulator.Streaming = {}) =>
    final(emulated({ rules: [{ reply: Emulator.Reply.text(text, { stream }) }] }))

  it.effect("come one by one, decoded, while the rest is not there yet", () =>
    Effect.gen(function*() {
      const people = yield* ask.pipe(Stream.take(2), Stream.runCollect)
      assert.deepStrictEqual(people.map(({ name }) => name), ["Ada", "Bob"])
      assert.strictEqual(people[0]?.born.getUTCFullYear(), 1815)
    }).pipe(Effect.provide(telling(list(person("Ada"), person("Bob"), person("Eve"), person("Joe")), {
      ending: { _tag: "Stall", after: { deltas: 40 } }
    }))))

  it.effect("are all there at the end", () =>
    Effect.gen(function*() {
      const people = yield* Stream.runCollect(ask)
      assert.deepStrictEqual(people.map(({ name }) => name), ["Ada", "Bob", "Eve"])
    }).pipe(Effect.provide(telling(list(person("Ada"), person("Bob"), person("Eve"))))))

  it.effect("may come without their object, behind words", () =>
    Effect.gen(function*() {
      const people = yield* Stream.runCollect(ask)
      assert.deepStrictEqual(people.map(({ name }) => name), ["Ada", "Bob"])
    }).pipe(Effect.provide(telling(`Here they are: ${JSON.stringify([person("Ada"), person("Bob")])}`))))

  it.effect("that do not fit are left out, and make the stream fail at its end", () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make()
      const names: Array<string> = []
      const error = yield* ask.pipe(
        Stream.runForEach(({ name }) => Effect.sync(() => names.push(name))),
        ledger.run,
        Effect.flip
      )
      assert.deepStrictEqual(names, ["Ada", "Eve"])
      assert.strictEqual(error._tag, "InvalidOutput")
      assert.include(error.message, "1 of the elements, the first at value[1]")
      assert.include(error._tag === "InvalidOutput" ? error.issue : "", "name")
      assert.strictEqual(Usd.toText(error.cost ?? Usd.zero), Usd.toText((yield* ledger.report).cost))
      assert.strictEqual((yield* ledger.report).failures, 0)
    }).pipe(Effect.provide(telling(list(person("Ada"), person(""), person("Eve"))))))

  it.effect("are none of an answer that is no list", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Stream.runCollect(ask))
      assert.strictEqual(error._tag, "InvalidOutput")
    }).pipe(Effect.provide(telling("I know nobody."))))

  it.effect("are asked for in a format that is made once", () =>
    Effect.gen(function*() {
      yield* Stream.runDrain(ask)
      yield* Stream.runDrain(ask)
      const formats = (yield* OpenRouterTest.calls).map(({ text }) => text?.format)
      assert.lengthOf(formats, 2)
      const [one, two] = formats.map((format) => format?.type === "json_schema" ? format.schema : undefined)
      assert.strictEqual(one, two)
    }).pipe(Effect.provide(OpenRouterTest.layer(list(person("Ada"))))))
})
