import { assert, describe, it } from "@effect/vitest"
import { type BigDecimal, type Config, Effect, type Layer, type Option, Schema, Stream } from "effect"
import { type CreateResponse, OpenRouter, type OpenRouterError, type Outcome, type RateGate } from "effect-openrouter"
import type { DispatchHttpClient, OpenRouterNode } from "effect-openrouter/node"
import type { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import type { HttpClient, HttpServer } from "effect/http"

// What is asserted here is asserted by the compiler; the tests only show that the file is there.

/** True if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

const holds = <const A extends true>(value: A) => assert.isTrue(value)

const request = { model: "openai/gpt-5", input: "Hello" }

const nothing = () => Effect.succeed("nothing" as const)

const onRequestError = {
  AccessDenied: nothing,
  BudgetExceeded: nothing,
  ConnectionFailed: nothing,
  ContextLengthExceeded: nothing,
  InvalidApiKey: nothing,
  InvalidRequest: nothing,
  MalformedResponse: nothing,
  ModelUnavailable: nothing,
  PayloadTooLarge: nothing,
  PaymentRequired: nothing,
  ProviderOverloaded: nothing,
  ProviderTimeout: nothing,
  ProviderUnavailable: nothing,
  RateLimited: nothing,
  Refused: nothing,
  ServerError: nothing,
  TimedOut: nothing,
  UnexpectedStatus: nothing
}

const onAnswerError = {
  EmptyCompletion: nothing,
  GenerationFailed: nothing,
  Incomplete: nothing
}

type ErrorOf<T> = T extends Effect.Effect<infer _A, infer E, infer _R> ? E
  : T extends Stream.Stream<infer _A, infer E, infer _R> ? E
  : never

type ValueOf<T> = T extends Effect.Effect<infer A, infer _E, infer _R> ? A
  : T extends Stream.Stream<infer A, infer _E, infer _R> ? A
  : never

type NeedsOf<T> = T extends Effect.Effect<infer _A, infer _E, infer R> ? R
  : T extends Stream.Stream<infer _A, infer _E, infer R> ? R
  : never

const Intention = Schema.Struct({ action: Schema.String, target: Schema.optionalKey(Schema.String) })

interface Intention extends Schema.Schema.Type<typeof Intention> {}

describe("errors", () => {
  it("of respond can be caught one by one, and none is left", () => {
    const caught = OpenRouter.respond(request).pipe(Effect.catchTags({ ...onRequestError, ...onAnswerError }))
    holds<Same<ErrorOf<typeof caught>, never>>(true)
    holds<Same<ValueOf<typeof caught>, Outcome.Completed | "nothing">>(true)
    holds<Same<NeedsOf<typeof caught>, OpenRouter.OpenRouter>>(true)
  })

  it("of respondObject too, InvalidOutput among them", () => {
    const all = { ...onRequestError, ...onAnswerError, InvalidOutput: nothing, UnansweredCalls: nothing }
    const caught = OpenRouter.respondObject({ ...request, schema: Intention }).pipe(Effect.catchTags(all))
    holds<Same<ErrorOf<typeof caught>, never>>(true)
    const { InvalidOutput: _, ...others } = all
    const left = OpenRouter.respondObject({ ...request, schema: Intention }).pipe(Effect.catchTags(others))
    holds<Same<ErrorOf<typeof left>, OpenRouterError.InvalidOutput>>(true)
    const streamed = Stream.runDrain(OpenRouter.streamObject({ ...request, schema: Intention }))
    holds<Same<ErrorOf<typeof streamed>, OpenRouter.ObjectError | OpenRouterError.StreamInterrupted>>(true)
  })

  it("of outcomeObject are those of outcome", () => {
    const call = OpenRouter.outcomeObject({ ...request, schema: Intention })
    holds<Same<ErrorOf<typeof call>, OpenRouterError.RequestError>>(true)
    holds<Same<ValueOf<typeof call>["value"], Option.Option<typeof Intention.Type>>>(true)
    holds<Same<ValueOf<typeof call>["outcome"], Outcome.Outcome>>(true)
    holds<Same<ValueOf<typeof call>["error"], OpenRouter.ValueError | undefined>>(true)
  })

  it("of decodeObject are those of an answer, and only one of them for a text", () => {
    const text = OpenRouter.decodeObject(Intention, "{}")
    holds<Same<ErrorOf<typeof text>, OpenRouterError.InvalidOutput | OpenRouterError.InvalidRequest>>(true)
    holds<Same<ValueOf<typeof text>["value"], typeof Intention.Type>>(true)
    const outcome = (outcome: Outcome.Outcome) => OpenRouter.decodeObject(Intention, outcome)
    holds<Same<ErrorOf<ReturnType<typeof outcome>>, OpenRouter.ValueError | OpenRouterError.InvalidRequest>>(true)
  })

  it("of outcome are those of requests", () => {
    const caught = OpenRouter.outcome(request).pipe(Effect.catchTags(onRequestError))
    holds<Same<ErrorOf<typeof caught>, never>>(true)
  })

  it("of a stream are those of respond, and StreamInterrupted", () => {
    const drained = Stream.runDrain(OpenRouter.stream(request))
    const left = drained.pipe(Effect.catchTags({ ...onRequestError, ...onAnswerError }))
    holds<Same<ErrorOf<typeof left>, OpenRouterError.StreamInterrupted>>(true)
    const caught = drained.pipe(
      Effect.catchTags({ ...onRequestError, ...onAnswerError, StreamInterrupted: nothing })
    )
    holds<Same<ErrorOf<typeof caught>, never>>(true)
    holds<Same<ErrorOf<ReturnType<typeof OpenRouter.streamText>>, ErrorOf<typeof drained>>>(true)
  })

  it("of streamOutcome are those of a stream without those of answers, and the callback's", () => {
    const call = OpenRouter.streamOutcome(request, () => Effect.fail("full" as const))
    holds<Same<ErrorOf<typeof call>, OpenRouter.StreamError | "full">>(true)
    holds<Same<ValueOf<typeof call>, Outcome.Outcome>>(true)
  })

  it("that cannot happen cannot be caught", () => {
    // @ts-expect-error -- a call that does not stream is not interrupted like a stream
    void OpenRouter.respond(request).pipe(Effect.catchTag("StreamInterrupted", nothing))
    // @ts-expect-error -- there is no such tag
    void OpenRouter.respond(request).pipe(Effect.catchTag("RateLimitExceeded", nothing))
  })

  it("all say whether they can be retried, and what is known of the call", () => {
    const facts = (error: OpenRouterError.OpenRouterError) =>
      [error.isRetryable, error.message, error.partialText, error.cost, error.usage, error.attempts] as const
    holds<Same<ReturnType<typeof facts>[0], boolean>>(true)
    holds<Same<ReturnType<typeof facts>[2], string | undefined>>(true)
  })
})

describe("values", () => {
  it("of streamText are text", () => {
    const texts: Stream.Stream<string, OpenRouter.StreamError | OpenRouterError.AnswerError, OpenRouter.OpenRouter> =
      OpenRouter.streamText(request)
    assert.isDefined(texts)
    holds<Same<ValueOf<typeof texts>, string>>(true)
  })

  it("of respondObject have the type of the schema", () => {
    const value = OpenRouter.respondObject({ ...request, schema: Intention }).pipe(Effect.map(({ value }) => value))
    holds<Same<ValueOf<typeof value>["action"], string>>(true)
    holds<Same<ValueOf<typeof value>, typeof Intention.Type>>(true)
    const number = OpenRouter.respondObject({ ...request, schema: Schema.Struct({ n: Schema.FiniteFromString }) })
    holds<Same<ValueOf<typeof number>["value"]["n"], number>>(true)
  })

  it("of streamObject are parts of the value, then the value", () => {
    const parts = OpenRouter.streamObject({ ...request, schema: Intention })
    type Part = ValueOf<typeof parts>
    type Partial = Extract<Part, { readonly _tag: "Partial" }>["value"]
    holds<Same<Extract<Part, { readonly _tag: "Complete" }>["answer"]["value"], typeof Intention.Type>>(true)
    holds<Same<Partial, { readonly action?: string; readonly target?: string }>>(true)
  })

  it("of streamElements are those of the list", () => {
    const elements = OpenRouter.streamElements({ ...request, schema: Intention })
    holds<Same<ValueOf<typeof elements>, typeof Intention.Type>>(true)
    // @ts-expect-error -- elements may have been used
    void OpenRouter.streamElements({ ...request, schema: Intention, reask: { times: 1 } })
  })

  it("are partial in depth, but not what is there or not", () => {
    interface Town {
      readonly name: string
      readonly founded: Date
      readonly mayor: Option.Option<string>
      readonly people: ReadonlyArray<{ readonly name: string; readonly age: number }>
      readonly place: readonly [x: number, y: number]
      readonly prices: { readonly [good: string]: number }
      readonly kind: "village" | { readonly walls: number }
      readonly cash: BigDecimal.BigDecimal
    }
    interface Part {
      readonly name?: string
      readonly founded?: Date
      readonly mayor?: Option.Option<string>
      readonly people?: ReadonlyArray<{ readonly name?: string; readonly age?: number }>
      readonly place?: readonly [x?: number, y?: number]
      readonly prices?: { readonly [good: string]: number | undefined }
      readonly kind?: "village" | { readonly walls?: number }
      readonly cash?: BigDecimal.BigDecimal
    }
    const isAssignable = <A, _B extends A>() => assert.isTrue(true)
    isAssignable<Part, OpenRouter.DeepPartial<Town>>()
    isAssignable<OpenRouter.DeepPartial<Town>, Part>()
  })
})

describe("a request", () => {
  const accepts = (request: CreateResponse.CreateResponse) => assert.isDefined(request)

  it("has no fields that the API does not have", () => {
    accepts({ model: "a/b", input: "Hello", maxOutputTokens: 5, temperature: undefined })
    // @ts-expect-error -- misspelt
    accepts({ model: "a/b", inputs: "Hello" })
    // @ts-expect-error -- the wire's spelling
    accepts({ model: "a/b", max_output_tokens: 5 })
    // @ts-expect-error -- OpenRouter stores nothing
    accepts({ model: "a/b", previousResponseId: "resp_1" })
    // @ts-expect-error -- OpenRouter stores nothing
    accepts({ model: "a/b", store: true })
    // @ts-expect-error -- streams are functions of their own
    accepts({ model: "a/b", stream: true })
    // @ts-expect-error -- deprecated
    accepts({ model: "a/b", route: "fallback" })
  })

  it("has fields of the right types", () => {
    // @ts-expect-error -- a number
    accepts({ model: "a/b", temperature: "0.5" })
    // @ts-expect-error -- a list
    accepts({ model: "a/b", models: "c/d" })
    // @ts-expect-error -- an item has a known shape
    accepts({ model: "a/b", input: [{ type: "message", role: "user", text: "Hello" }] })
    accepts({ model: "a/b", input: [{ type: "message", role: "user", content: "Hello" }] })
    accepts({ model: "a/b", serviceTier: "a tier of tomorrow" })
  })

  it("of an object has a schema, and no format of its own", () => {
    // @ts-expect-error -- no schema
    void OpenRouter.respondObject({ model: "a/b", input: "Hello" })
    // @ts-expect-error -- the schema is the format
    void OpenRouter.respondObject({ ...request, schema: Intention, text: { format: { type: "json_object" } } })
    void OpenRouter.respondObject({ ...request, schema: Intention, text: { verbosity: "low" } })
  })
})

describe("layers", () => {
  it("need and fail with what they say", () => {
    type Client = OpenRouter.OpenRouter | RateGate.RateGate
    holds<Same<ReturnType<typeof OpenRouter.layer>, Layer.Layer<Client, never, HttpClient.HttpClient>>>(true)
    holds<
      Same<ReturnType<typeof OpenRouter.layerConfig>, Layer.Layer<Client, Config.ConfigError, HttpClient.HttpClient>>
    >(
      true
    )
    holds<Same<typeof OpenRouter.layerFetch, Layer.Layer<Client, Config.ConfigError>>>(true)
    holds<Same<typeof OpenRouterNode.layerUndici, Layer.Layer<Client, Config.ConfigError>>>(true)
    holds<Same<typeof DispatchHttpClient.layer, Layer.Layer<HttpClient.HttpClient>>>(true)
    type Served = ReturnType<typeof Emulator.layerServer>
    holds<Same<Served, Layer.Layer<Emulator.Emulator, never, HttpServer.HttpServer>>>(true)
    type Emulated = ReturnType<typeof Emulator.layerHttpClient>
    holds<Same<Emulated, Layer.Layer<HttpClient.HttpClient | Emulator.Emulator>>>(true)
    type Tested = ReturnType<typeof OpenRouterTest.layer>
    holds<Same<Tested, Layer.Layer<OpenRouter.OpenRouter | OpenRouterTest.OpenRouterTest>>>(true)
    holds<Same<ReturnType<typeof OpenRouterTest.layerAuto>, Tested>>(true)
    holds<Same<typeof OpenRouterTest.layerForbidden, Tested>>(true)
  })

  it("do not hide what is missing", () => {
    type Runs<E> = E extends Effect.Effect<unknown, unknown> ? true : false
    holds<Same<Runs<ReturnType<typeof OpenRouter.respond>>, false>>(true)
    holds<Same<Runs<Effect.Effect<string>>, true>>(true)
  })
})
