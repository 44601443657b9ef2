import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Stream } from "effect"
import { Admission, CostLedger, Deadlines, OpenRouter, type OpenRouterError, RetryPolicy } from "effect-openrouter"

// What is asserted here is asserted by the compiler; the tests only show that the file is there.

/** True if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

const holds = <const A extends true>(value: A) => assert.isTrue(value)

/** As many of these as the list has. */
type All<List extends ReadonlyArray<unknown>, A> = { [K in keyof List]: A }

class Town extends Context.Service<Town, { readonly name: string }>()("test/types/Town") {}

type Failure = OpenRouterError.RateLimited | "closed"

type Needs = OpenRouter.OpenRouter | Town

type OfEffect = Effect.Effect<{ readonly n: 1 }, Failure, Needs>

type OfStream = Stream.Stream<{ readonly n: 1 }, Failure, Needs>

declare const effect: OfEffect
declare const stream: OfStream
declare const ledger: CostLedger.CostLedger

const policy = RetryPolicy.none

const limits = { idle: "5 seconds" } as const

const fields = { model: "openai/gpt-5" }

const headers = { "x-note": "one" }

const middleware: OpenRouter.Middleware = (inner) => inner

const admission: Admission.Admission = { stage: "observe", admit: () => Effect.succeed(() => Effect.void) }

/** Each function is only compiled. */
const compiled = (..._: ReadonlyArray<() => void>) => assert.isDefined(_)

describe("combinators keep value, error and needs", () => {
  it("of an effect, which comes first", () => {
    compiled(() => {
      const results = [
        CostLedger.scope(effect, "Ann"),
        CostLedger.scope(effect, "Ann", { keep: "sum" }),
        CostLedger.tag(effect, { user: "u-17" }),
        ledger.run(effect),
        RetryPolicy.with(effect, policy),
        Deadlines.with(effect, limits),
        OpenRouter.withDefaults(effect, fields),
        OpenRouter.withHeaders(effect, headers),
        OpenRouter.withMiddleware(effect, middleware),
        Admission.with(effect, admission)
      ] as const
      type Results = typeof results
      holds<Same<Results, All<Results, OfEffect>>>(true)
    })
  })

  it("of an effect in a pipe, one by one and all together", () => {
    compiled(() => {
      const results = [
        effect.pipe(CostLedger.scope("Ann")),
        effect.pipe(CostLedger.scope("Ann", { keep: "sum" })),
        effect.pipe(CostLedger.tag({ user: "u-17" })),
        effect.pipe(ledger.run),
        effect.pipe(RetryPolicy.with(policy)),
        effect.pipe(Deadlines.with(limits)),
        effect.pipe(OpenRouter.withDefaults(fields)),
        effect.pipe(OpenRouter.withHeaders(headers)),
        effect.pipe(OpenRouter.withMiddleware(middleware)),
        effect.pipe(Admission.with(admission)),
        effect.pipe(
          CostLedger.scope("Ann"),
          CostLedger.tag({ user: "u-17" }),
          ledger.run,
          RetryPolicy.with(policy),
          Deadlines.with(limits),
          OpenRouter.withDefaults(fields),
          OpenRouter.withHeaders(headers),
          OpenRouter.withMiddleware(middleware),
          Admission.with(admission)
        )
      ] as const
      type Results = typeof results
      holds<Same<Results, All<Results, OfEffect>>>(true)
    })
  })

  it("of a stream, which comes first", () => {
    compiled(() => {
      const results = [
        CostLedger.scope(stream, "Ann"),
        CostLedger.scope(stream, "Ann", { keep: "sum" }),
        CostLedger.tag(stream, { user: "u-17" }),
        ledger.run(stream),
        RetryPolicy.with(stream, policy),
        Deadlines.with(stream, limits),
        OpenRouter.withDefaults(stream, fields),
        OpenRouter.withHeaders(stream, headers),
        OpenRouter.withMiddleware(stream, middleware),
        Admission.with(stream, admission)
      ] as const
      type Results = typeof results
      holds<Same<Results, All<Results, OfStream>>>(true)
    })
  })

  it("of a stream in a pipe, one by one and all together", () => {
    compiled(() => {
      const results = [
        stream.pipe(CostLedger.scope("Ann")),
        stream.pipe(CostLedger.scope("Ann", { keep: "sum" })),
        stream.pipe(CostLedger.tag({ user: "u-17" })),
        stream.pipe(ledger.run),
        stream.pipe(RetryPolicy.with(policy)),
        stream.pipe(Deadlines.with(limits)),
        stream.pipe(OpenRouter.withDefaults(fields)),
        stream.pipe(OpenRouter.withHeaders(headers)),
        stream.pipe(OpenRouter.withMiddleware(middleware)),
        stream.pipe(Admission.with(admission)),
        stream.pipe(
          CostLedger.scope("Ann"),
          CostLedger.tag({ user: "u-17" }),
          ledger.run,
          RetryPolicy.with(policy),
          Deadlines.with(limits),
          OpenRouter.withDefaults(fields),
          OpenRouter.withHeaders(headers),
          OpenRouter.withMiddleware(middleware),
          Admission.with(admission)
        )
      ] as const
      type Results = typeof results
      holds<Same<Results, All<Results, OfStream>>>(true)
    })
  })

  it("of what functions give, between the combinators of Effect and Stream", () => {
    compiled(() => {
      const answer = OpenRouter.respond({ input: "Hello" }).pipe(
        OpenRouter.withDefaults(fields),
        Effect.map(({ text }) => text),
        CostLedger.scope("Ann"),
        Effect.catchTag("RateLimited", () => Effect.succeed(17)),
        Deadlines.with(limits)
      )
      type Rest = Exclude<OpenRouter.RespondError, OpenRouterError.RateLimited>
      holds<Same<typeof answer, Effect.Effect<string | number, Rest, OpenRouter.OpenRouter>>>(true)
      const story = (name: string) =>
        OpenRouter.streamText({ input: name }).pipe(CostLedger.scope(name), Stream.take(3))
      type Story = Stream.Stream<string, OpenRouter.StreamError | OpenRouterError.AnswerError, OpenRouter.OpenRouter>
      holds<Same<ReturnType<typeof story>, Story>>(true)
    })
  })

  it("of an effect without errors and needs", () => {
    compiled(() => {
      const one = Effect.succeed(1).pipe(RetryPolicy.with(policy), ledger.run)
      holds<Same<typeof one, Effect.Effect<number>>>(true)
      const ones = Stream.make(1).pipe(RetryPolicy.with(policy), ledger.run)
      holds<Same<typeof ones, Stream.Stream<1>>>(true)
    })
  })
})

describe("combinators take nothing else", () => {
  it("than effects and streams", () => {
    compiled(() => {
      // @ts-expect-error -- a promise is neither
      CostLedger.scope(Promise.resolve(1), "Ann")
      // @ts-expect-error -- a function has to be called first
      OpenRouter.withDefaults(OpenRouter.respond, fields)
      // @ts-expect-error -- a layer is given to `Effect.provide`
      Admission.with(OpenRouter.layerTransport, admission)
    })
  })

  it("than settings that they know", () => {
    compiled(() => {
      // @ts-expect-error -- misspelt
      void Deadlines.with(effect, { firstEvents: "5 seconds" })
      // @ts-expect-error -- the wire's spelling
      void OpenRouter.withDefaults(effect, { max_output_tokens: 5 })
      // @ts-expect-error -- a text
      void OpenRouter.withHeaders(effect, { "x-note": 1 })
      // @ts-expect-error -- an object
      void CostLedger.tag(effect, "user")
      // @ts-expect-error -- all or the sum
      void CostLedger.scope(effect, "Ann", { keep: "nothing" })
      // @ts-expect-error -- no such stage
      void Admission.with(effect, { ...admission, stage: "watch" })
      // @ts-expect-error -- a schedule has to be made a policy: `RetryPolicy.fromSchedule`
      void RetryPolicy.with(effect, policy.schedule)
    })
  })
})
