/**
 * Half price for a part of a program that knows nothing of it: its calls are collected, sent over OpenRouter's Batch API, and handed
 * back when their batch has ended, which may take a day.
 *
 * A call goes on as it would by itself: it is checked, budgets reserve for it until it is answered, ledgers book it, and its errors are
 * those of a plain call. No gate and no `response` deadline holds for it; `total` does. It is not repeated by `RetryPolicy`. Streams
 * are `InvalidRequest`, and so is what a batch cannot carry. Whoever leaves takes nothing away from the others of the batch; the last
 * one cancels it. With `jobs` nothing is cancelled, and what was remembered answers the same requests of the next process: a new run
 * takes a new file. In the way of a call it is the innermost middleware.
 *
 * **Example** (Tonight will do)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Batch, BatchApi, OpenRouter } from "effect-openrouter"
 *
 * const program = Batch.run(
 *   Array.from({ length: 1000 }, (_, n) => n),
 *   (n) => OpenRouter.respond({ model: "openai/gpt-5", input: `Is ${n} a prime?` }),
 *   { concurrency: 1000 }
 * ).pipe(
 *   Effect.provide(BatchApi.layer({ size: 1000 }).pipe(Layer.provide(OpenRouter.layerFetch)))
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Channel from "effect/Channel"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { InvalidRequest } from "../domain/error/OpenRouterError.ts"
import * as BatchJobs from "../services/BatchJobs.ts"
import * as Middleware from "../services/Middleware.ts"
import type { OpenRouter } from "../services/OpenRouter.ts"
import { Collector, type Options, type Trouble } from "./batch/Collector.ts"
import * as Kernel from "./client/Kernel.ts"
import * as TransportSender from "./client/TransportSender.ts"
import { layerMiddleware } from "./OpenRouter.ts"

export type { Options, Trouble } from "./batch/Collector.ts"

/**
 * Makes the middleware, for a part of a program; its batches are looked after until the scope closes.
 *
 * `troubled` is what calls end with whose batch nobody can tell of; by default they fail with `ConnectionFailed`, at an unknown cost.
 *
 * @since 0.1.0
 */
export const make = (
  options: Options = {},
  troubled?: (trouble: Trouble) => Effect.Effect<never>
): Effect.Effect<Middleware.Middleware, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    return Middleware.staged("batch", (service) => {
      // Each client numbers its calls by itself.
      const jobs = options.jobs ?? BatchJobs.memory()
      const collector = new Collector(service, scope, jobs, options, troubled)
      const client = Kernel.make(TransportSender.make(collector.transport), {
        timeout: Duration.infinity,
        retries: false,
        prices: service.prices ?? false,
        gate: undefined
      })
      return {
        ...service,
        outcome: (request) => client.outcome(request),
        events: () =>
          Channel.fail(
            new InvalidRequest({ origin: "local", field: "stream", message: "stream: a batch has no streams" })
          )
      }
    })
  })

/**
 * Sends the calls of all who use a client as batches.
 *
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<OpenRouter, never, OpenRouter> =>
  Layer.fresh(Layer.unwrap(Effect.map(make(options), layerMiddleware)))
