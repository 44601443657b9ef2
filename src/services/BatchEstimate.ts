/**
 * What a batch will cost, and whether there is enough for it, before anything is sent.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { type Estimate, EstimateBook } from "../domain/batch/Estimate.ts"
import type { RequestError } from "../domain/error/OpenRouterError.ts"
import * as Usd from "../domain/money/Usd.ts"
import * as CreateResponse from "../domain/request/CreateResponse.ts"
import { CurrentDefaults, filled } from "./Defaults.ts"
import * as OpenRouter from "./OpenRouter.ts"
import { CurrentTokenizer, tableInUse } from "./Prices.ts"

export type { Estimate, Invalid, Range } from "../domain/batch/Estimate.ts"

/**
 * How a batch is estimated.
 *
 * @since 0.1.0
 */
export interface EstimateOptions<I> {
  /** How many tokens an answer is likely to have, those of its reasoning included. Default 500, `maxOutputTokens` at most. */
  readonly outputTokens?: number | ((item: I, index: number) => number) | undefined
}

/** What the key may still spend, and what the account has left, if the key may know that. */
const available: Effect.Effect<Usd.Usd | undefined, RequestError, OpenRouter.OpenRouter> = /* @__PURE__ */ Effect.gen(
  function*() {
    const { limitRemaining } = yield* OpenRouter.key
    const credits = yield* Effect.result(OpenRouter.credits)
    if (Result.isFailure(credits)) return limitRemaining
    const left = Usd.max(Usd.subtract(credits.success.totalCredits, credits.success.totalUsage), Usd.zero)
    return limitRemaining === undefined ? left : Usd.min(limitRemaining, left)
  }
)

const estimated = <I, SE = never, SR = never>(
  items: Stream.Stream<I, SE, SR> | Iterable<I>,
  request: (item: I, index: number) => CreateResponse.CreateResponse,
  options: EstimateOptions<I> = {}
): Effect.Effect<Estimate, SE | RequestError, SR | OpenRouter.OpenRouter> =>
  Effect.gen(function*() {
    const table = yield* tableInUse
    const defaults = yield* CurrentDefaults
    const book = new EstimateBook(table, yield* CurrentTokenizer)
    const { outputTokens } = options
    let index = 0
    yield* Stream.runForEach(
      Stream.isStream(items) ? items : Stream.fromIterable(items),
      (item) =>
        Effect.sync(() => {
          const place = index++
          const whole = filled(request(item, place), defaults)
          const body = CreateResponse.toBody(whole, { stream: false })
          if (Result.isFailure(body)) book.refuse(place, body.failure)
          else book.add(whole, typeof outputTokens === "function" ? outputTokens(item, place) : outputTokens)
        })
    )
    return book.estimate(yield* available)
  })

/**
 * Says what a batch will be: calls, tokens, costs, requests that cannot be sent, and whether the key and the account have enough.
 *
 * `request` is the one of each item; the defaults of the program are filled in. It asks for the prices, `GET /key` and
 * `GET /credits` (which only a management key may see), and fails as they do; models are not asked, and nothing is spent.
 *
 * **Example** (Asking before spending)
 *
 * ```ts
 * import { Console, Effect } from "effect"
 * import { Batch } from "effect-openrouter"
 *
 * const prompts = ["Who are you?", "Where do you come from?"]
 *
 * const program = Batch.estimate(
 *   prompts,
 *   (input) => ({ model: "openai/gpt-5", input, maxOutputTokens: 1000 }),
 *   { outputTokens: 200 }
 * ).pipe(
 *   Effect.tap(({ calls, cost }) => Console.log(`${calls} calls, about ${cost.likely}, at most ${cost.high}`))
 * )
 * ```
 *
 * @since 0.1.0
 */
export const estimate: {
  <I>(
    request: (item: I, index: number) => CreateResponse.CreateResponse,
    options?: EstimateOptions<NoInfer<I>>
  ): <SE = never, SR = never>(
    items: Stream.Stream<I, SE, SR> | Iterable<I>
  ) => Effect.Effect<Estimate, SE | RequestError, SR | OpenRouter.OpenRouter>
  <I, SE = never, SR = never>(
    items: Stream.Stream<I, SE, SR> | Iterable<I>,
    request: (item: I, index: number) => CreateResponse.CreateResponse,
    options?: EstimateOptions<NoInfer<I>>
  ): Effect.Effect<Estimate, SE | RequestError, SR | OpenRouter.OpenRouter>
} = /* @__PURE__ */ dual(([first]) => typeof first !== "function", estimated)
