import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Schema, type Stream } from "effect"
import { type OpenRouter, type OpenRouterError, Tools } from "effect-openrouter"
import { type AiError, Tool, Toolkit } from "effect/ai"

// What is asserted here is asserted by the compiler; the tests only show that the file is there.

/** True if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

const holds = <const A extends true>(value: A) => assert.isTrue(value)

type ErrorOf<T> = T extends Effect.Effect<infer _A, infer E, infer _R> ? E
  : T extends Stream.Stream<infer _A, infer E, infer _R> ? E
  : never

type ValueOf<T> = T extends Effect.Effect<infer A, infer _E, infer _R> ? A : never

type NeedsOf<T> = T extends Effect.Effect<infer _A, infer _E, infer R> ? R
  : T extends Stream.Stream<infer _A, infer _E, infer R> ? R
  : never

class Broke extends Schema.TaggedError<Broke>()("Broke", {}) {}

class Bank extends Context.Service<Bank, { readonly name: string }>()("test/Bank") {}

class Clerk extends Context.Service<Clerk, { readonly name: string }>()("test/Clerk") {}

const Pay = Tool.make("pay", {
  parameters: Schema.Struct({ eur: Schema.Int }),
  success: Schema.Int,
  failure: Broke,
  dependencies: [Bank]
})

const Look = Tool.make("look", { success: Schema.String, failure: Schema.String, failureMode: "return" })

const toolkit = Toolkit.make(Pay, Look)

const request = { model: "openai/gpt-5", input: "Hi", toolkit }

const Mood = Schema.Struct({ warm: Schema.Boolean })

type Client = OpenRouterError.RequestError | OpenRouterError.AnswerError

type Own = Tools.ToolLoopDetected | Tools.MaxStepsReached

type Handlers = Tool.Handler<"pay"> | Tool.Handler<"look">

describe("the types of a run", () => {
  it("have the client's errors, the loop's two, and what the tools do not declare", () => {
    const run = Tools.run(request)
    holds<Same<ErrorOf<typeof run>, Client | Own | AiError.AiError>>(true)
    const empty = Tools.run({ ...request, toolkit: Toolkit.empty })
    holds<Same<ErrorOf<typeof empty>, Client | Own | AiError.AiError>>(true)
    const valued = Tools.run({ ...request, schema: Mood })
    holds<
      Same<
        ErrorOf<typeof valued>,
        Client | Own | AiError.AiError | OpenRouterError.InvalidOutput | OpenRouter.UnansweredCalls
      >
    >(true)
    const outcome = Tools.outcome(request)
    holds<Same<ErrorOf<typeof outcome>, never>>(true)
    const stream = Tools.stream(request)
    holds<Same<ErrorOf<typeof stream>, never>>(true)
  })

  it("have the errors of a decision only where a run is resumed", () => {
    const resumed = (resume: Tools.Resuming["resume"]) => Tools.run({ model: "m", toolkit, resume })
    holds<Same<ErrorOf<ReturnType<typeof resumed>>, Client | Own | AiError.AiError | Tools.ApprovalError>>(true)
    const outcome = (resume: Tools.Resuming["resume"]) => Tools.outcome({ model: "m", toolkit, resume })
    holds<Same<ErrorOf<ReturnType<typeof outcome>>, Tools.ApprovalError>>(true)
    const stream = (resume: Tools.Resuming["resume"]) => Tools.stream({ model: "m", toolkit, resume })
    holds<Same<ErrorOf<ReturnType<typeof stream>>, Tools.ApprovalError>>(true)
    // @ts-expect-error -- it begins with an input or goes on, and says which
    void Tools.run({ model: "m", toolkit })
  })

  it("need the client, the handlers, and what the handlers and the options need", () => {
    const run = Tools.run(request)
    holds<Same<NeedsOf<typeof run>, OpenRouter.OpenRouter | Handlers | Bank>>(true)
    const asking = Tools.stream({
      ...request,
      stopWhen: () => Effect.map(Clerk, ({ name }) => name === ""),
      decide: (call) => Effect.map(Clerk, ({ name }) => Tools.deny(call, name))
    })
    holds<Same<NeedsOf<typeof asking>, OpenRouter.OpenRouter | Handlers | Bank | Clerk>>(true)
    const handlers = Toolkit.make(Look).toLayer({ look: () => Effect.succeed("") })
    const plain = Tools.run({ ...request, toolkit: Toolkit.make(Look) }).pipe(Effect.provide(handlers))
    holds<Same<NeedsOf<typeof plain>, OpenRouter.OpenRouter>>(true)
  })

  it("have a text always, and a value if a shape was asked for", () => {
    const text = Effect.map(Tools.run(request), ({ text }) => text)
    holds<Same<ValueOf<typeof text>, string>>(true)
    const valued = Tools.run({ ...request, schema: Mood })
    const value = Effect.map(valued, ({ value }) => value)
    holds<Same<ValueOf<typeof value>, { readonly warm: boolean } | undefined>>(true)
    const answered = Effect.map(valued, (run) => run._tag === "Answered" ? run.value : { warm: false })
    holds<Same<ValueOf<typeof answered>, { readonly warm: boolean }>>(true)
  })

  it("know the names of the tools", () => {
    const named = () => Tools.run({ ...request, prepareStep: () => ({ activeTools: ["pay"] }) })
    // @ts-expect-error -- there is no such tool
    const unnamed = () => Tools.run({ ...request, prepareStep: () => ({ activeTools: ["fly"] }) })
    assert.isDefined(named)
    assert.isDefined(unnamed)
  })
})
