import { assert, describe, it } from "@effect/vitest"
import { Effect, type FileSystem, type Result, Schema, Stream } from "effect"
import { type AppendLog, Batch, OpenRouter } from "effect-openrouter"

// What is asserted here is asserted by the compiler; the tests only show that the file is there.

/** True if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

const holds = <const A extends true>(value: A) => assert.isTrue(value)

const ask = (n: number) => Effect.map(OpenRouter.respond({ model: "openai/gpt-5", input: `${n}` }), ({ text }) => text)

type Ended = Result.Result<string, OpenRouter.RespondError | Batch.NotStarted>

type Failing = AppendLog.AppendLogError | Batch.BatchFileError

describe("the types of batches", () => {
  it("tell what an item can fail with, and what the function needs", () => {
    const first = Batch.run([1, 2], ask, { concurrency: 2, onProgress: Stream.runDrain })
    const last = Batch.run(ask, { key: () => "a", stopOn: ["Refused", { failures: 0.2 }] })([1, 2])
    type Expected = Effect.Effect<Array<Ended>, never, OpenRouter.OpenRouter>
    holds<Same<typeof first, Expected>>(true)
    holds<Same<typeof last, Expected>>(true)
  })

  it("know the tags of the errors", () => {
    // @ts-expect-error: no error has this tag
    assert.isDefined(Batch.run([1], ask, { stopOn: ["Refussed"] }))
    // @ts-expect-error: nor has this one, in a list beside others
    assert.isDefined(Batch.run([1], ask, { stopOn: ["Refused", "NotThere"] }))
    assert.isDefined(Batch.run([1], ask, { stopOn: (error) => error._tag === "RateLimited" && error.limit === 0 }))
  })

  it("tell how the input of a stream can fail", () => {
    const input: Stream.Stream<number, "cut"> = Stream.fail("cut")
    const items = Batch.stream(input, ask, { unordered: true })
    holds<
      Same<
        typeof items,
        Stream.Stream<Batch.Item<number, string, OpenRouter.RespondError>, "cut", OpenRouter.OpenRouter>
      >
    >(true)
    const piped = input.pipe(Batch.stream(ask))
    holds<Same<typeof piped, typeof items>>(true)
  })

  it("take the lines of a file from a schema, or as JSON objects", () => {
    const typed = Batch.jsonl("in", "out", ({ n }, { id }) => Effect.map(ask(n), (text) => ({ text, id })), {
      input: Schema.Struct({ n: Schema.Int }),
      output: Schema.Struct({ text: Schema.String, id: Schema.String })
    })
    const untyped = Batch.jsonl("in", "out", ({ n }) => ask(Number(n)), { errors: "retry" })
    type Expected = Effect.Effect<Batch.Summary, Failing, FileSystem.FileSystem | OpenRouter.OpenRouter>
    holds<Same<typeof typed, Expected>>(true)
    holds<Same<typeof untyped, Expected>>(true)
    // @ts-expect-error: without a schema nobody knows what a line is
    assert.isDefined(Batch.jsonl("in", "out", ({ n }: { readonly n: number }) => ask(n)))
  })
})
