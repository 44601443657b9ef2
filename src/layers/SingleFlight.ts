/**
 * Equal calls in flight are one call.
 *
 * In the way of a call single flight is a middleware, inside of journal and cache and outside of everything else: a call that
 * joins another one passes no budget and no gate, and ledgers book it as saved. The shared call is made as the one who
 * started it would have made it, under that one's deadlines, policy, budgets and scopes; it runs on as long as anyone waits
 * for it. Streams are not shared.
 *
 * **Example** (One request for two who ask the same)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { OpenRouter, SingleFlight } from "effect-openrouter"
 *
 * const ask = OpenRouter.respond({ model: "openai/gpt-5", input: "What is the capital of Switzerland?" })
 *
 * const program = Effect.all([ask, ask], { concurrency: 2 }).pipe(
 *   Effect.provide(SingleFlight.layer.pipe(Layer.provide(OpenRouter.layerFetch)))
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { RequestError } from "../domain/error/OpenRouterError.ts"
import type { Outcome } from "../domain/outcome/Outcome.ts"
import * as Middleware from "../services/Middleware.ts"
import type { OpenRouter } from "../services/OpenRouter.ts"
import { CurrentSingleFlight } from "../services/SingleFlight.ts"
import * as CallKey from "../services/CallKey.ts"
import { Flights } from "./cache/Flights.ts"
import * as Saved from "./cache/Saved.ts"
import { layerMiddleware } from "./OpenRouter.ts"

export * from "../services/SingleFlight.ts"

/**
 * Makes the middleware, for a part of a program; what is shared lives in the scope.
 *
 * @since 0.1.0
 */
export const make: Effect.Effect<Middleware.Middleware, never, Scope.Scope> = Effect.map(
  Effect.scope,
  (scope) => {
    const flights = new Flights<Outcome, RequestError>(scope)
    return Middleware.staged("flight", (service) => ({
      ...service,
      outcome: (request) =>
        Effect.withFiber((fiber: Fiber.Fiber<unknown, unknown>) => {
          if (!fiber.getRef(CurrentSingleFlight).share) return service.outcome(request)
          const call = CallKey.make(fiber, service.target, request)
          if (call === undefined) return service.outcome(request)
          return Effect.ensuring(
            Effect.flatMap(
              flights.join(call.key, service.outcome(request), Saved.inTime(fiber, request)),
              ({ exit, isOwn }) => isOwn ? exit : Saved.followed(exit, request)
            ),
            Effect.sync(call.giveBack)
          )
        })
    }))
  }
)

/**
 * Shares the equal calls of all who use a client.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<OpenRouter, never, OpenRouter> = /* @__PURE__ */ Layer.fresh(
  /* @__PURE__ */ Layer.unwrap(/* @__PURE__ */ Effect.map(make, layerMiddleware))
)
