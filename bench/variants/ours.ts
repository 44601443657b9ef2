/**
 * Our client as users have it: request checks, classification, retry, ledger and decoding, one fiber for each call.
 *
 * A transport more is a line in {@link transports}.
 */
import { CostLedger, type CreateResponse, OpenRouter, RateGate, RetryPolicy } from "effect-openrouter"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as Fixtures from "../fixtures.ts"
import { apiKey, type Client, type Options, type Plan, type Target } from "./Client.ts"

type Transport = () => Promise<Layer.Layer<OpenRouter.OpenRouter, unknown>>

const transports: Readonly<Record<string, Transport>> = {
  fetch: async () => OpenRouter.layerFetch,
  undici: async () =>
    OpenRouter.layerConfig().pipe(Layer.provide((await import("@effect/platform-node/NodeHttpClient")).layerUndici)),
  node: async () => (await import("effect-openrouter/node")).OpenRouterNode.layerUndici
}

const { input, instructions, max_output_tokens: maxOutputTokens, model, temperature } = Fixtures.request

const request: CreateResponse.Sendable = { model, instructions, input, maxOutputTokens, temperature }

/** The request of one call among some; those of several models are each in a scope of their own. */
const callOf = (index: number, { distinct }: Plan) => {
  if (distinct === undefined) return OpenRouter.respond(request)
  const name = `${model}-${index % distinct}`
  return CostLedger.scope(name)(OpenRouter.respond({ ...request, model: name }))
}

/** Makes calls as fibers of one program; with tracing each has a span, as it has by default. */
export const make = async (target: Target, { tracing = true, transport = "fetch" }: Options): Promise<Client> => {
  const layer = transports[transport]
  if (layer === undefined) throw new Error(`there is no transport ${transport}`)
  const config = ConfigProvider.fromUnknown({ OPENROUTER_API_KEY: apiKey, OPENROUTER_API_URL: target.apiUrl })
  // A refused call costs what it costs to learn of it: with the gate the later ones would not be sent.
  const gate = target.expects === "answer" ? RateGate.layer() : RateGate.none
  const runtime = ManagedRuntime.make((await layer()).pipe(Layer.provide([ConfigProvider.layer(config), gate])))
  const ledger = await runtime.runPromise(CostLedger.make())
  const program = <A, E>(self: Effect.Effect<A, E, OpenRouter.OpenRouter>) =>
    ledger.run(self).pipe(Effect.provideService(References.TracerEnabled, tracing))

  const answered = (index: number, plan: Plan) =>
    Effect.flatMap(
      callOf(index, plan),
      (answer) => answer.text === "" ? Effect.die("an answer has no text") : Effect.void
    )
  const limited = (index: number, plan: Plan) =>
    Effect.matchEffect(callOf(index, plan), {
      onFailure: (error) =>
        error._tag === "RateLimited" && error.resetAt !== undefined ? Effect.void : Effect.die(error),
      onSuccess: () => Effect.die("a rate limit was not noticed")
    })
  const call = target.expects === "answer" ? answered : limited

  return {
    calls: (plan) =>
      runtime.runPromise(
        Effect.forEach(
          Array.from({ length: plan.count }, (_, index) => index),
          (index) => call(index, plan),
          { concurrency: plan.concurrency, discard: true }
        ).pipe(RetryPolicy.with(RetryPolicy.none), program)
      ),
    streams: async ({ concurrency, count }, onEvent) => {
      let characters = 0
      const stream = Stream.runForEach(OpenRouter.stream(request), (event) =>
        Effect.sync(() => {
          if (event.type === "response.output_text.delta") characters += event.delta.length
          onEvent()
        }))
      await runtime.runPromise(
        program(Effect.forEach(Array.from({ length: count }), () => stream, { concurrency, discard: true }))
      )
      return characters
    },
    hold: (count) => {
      let answers = 0
      const one = Effect.tap(OpenRouter.respond(request), () => Effect.sync(() => answers++))
      const fiber = runtime.runFork(
        program(Effect.forEach(Array.from({ length: count }), () => one, { concurrency: "unbounded", discard: true }))
      )
      return {
        answered: runtime.runPromise(Fiber.await(fiber)).then((exit) => {
          if (Exit.isFailure(exit) && !Exit.hasInterrupts(exit)) {
            throw new Error("a held call failed", { cause: exit.cause })
          }
          return answers
        }),
        interrupt: () => runtime.runPromise(Fiber.interrupt(fiber))
      }
    }
  }
}
