/**
 * Other models for what one model cannot do.
 *
 * A fallback is a plan of Effect's `ExecutionPlan`: its steps run the same program with one model after the other. Each
 * step's model replaces that of the requests inside, and their list `models`; retries of the client come first, so a step
 * fails when a call has been given up. To have OpenRouter choose within one request, send `models: [...]` instead.
 *
 * What ends a step by default is what another model may do better. An answer that was paid for is never bought again unless
 * the plan says so. What failed calls cost is in the ledgers and budgets around, as for any call, and a step's calls come
 * under the journal, the cache and single flight with their own model.
 *
 * **Example** (A second model where the first one is not to be had)
 *
 * ```ts
 * import { OpenRouter, Fallback } from "effect-openrouter"
 *
 * const answer = OpenRouter.respond({ input: "Describe the town square." }).pipe(
 *   Fallback.with(Fallback.models(["anthropic/claude-opus-4.1", "openai/gpt-5"]))
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionPlan from "effect/ExecutionPlan"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as OpenRouterError from "../domain/error/OpenRouterError.ts"
import * as Usd from "../domain/money/Usd.ts"
import type { CreateResponse } from "../domain/request/CreateResponse.ts"
import { added, CurrentMiddleware, staged } from "../services/Middleware.ts"
import type * as Program from "../services/Program.ts"

/**
 * How a fallback is made.
 *
 * @since 0.1.0
 */
export interface Options {
  /**
   * The errors after which the next model is asked: their tags, or a function that says so. Default {@link reasons}, as far
   * as they are no matter of the whole account. After any other error, also one of your own, the program fails.
   */
  readonly on?:
    | ReadonlyArray<OpenRouterError.OpenRouterError["_tag"]>
    | ((error: OpenRouterError.OpenRouterError) => boolean)
    | undefined
  /**
   * What follows an answer that was paid for and is none, such as a refusal or a truncated one, if `on` says so as well:
   * `"keep"` fails with it, `"again"` has the next model asked, which costs once more. Default `"keep"`.
   */
  readonly paid?: "keep" | "again" | undefined
}

/**
 * A plan of models.
 *
 * @since 0.1.0
 */
export interface Plan extends
  ExecutionPlan.ExecutionPlan<{
    provides: never
    input: unknown
    error: never
    requirements: never
  }>
{}

/**
 * The errors that another model may do better than: it is not there, busy, too small, or does not want to.
 *
 * @since 0.1.0
 */
export const reasons: ReadonlyArray<OpenRouterError.OpenRouterError["_tag"]> = [
  "AccessDenied",
  "ContextLengthExceeded",
  "EmptyCompletion",
  "GenerationFailed",
  "Incomplete",
  "InvalidOutput",
  "MalformedResponse",
  "ModelUnavailable",
  "PaymentRequired",
  "ProviderOverloaded",
  "ProviderTimeout",
  "ProviderUnavailable",
  "RateLimited",
  "Refused",
  "ServerError",
  "StreamInterrupted",
  "UnexpectedStatus"
]

/**
 * Makes a plan that asks one model after the other, in this order. Each fallback is one log line (a warning).
 *
 * For `Effect.withExecutionPlan`, for `Stream.withExecutionPlan` together with `preventFallbackOnPartialStream`, and for
 * {@link with}, which does either.
 *
 * @since 0.1.0
 */
export const models = (models: Arr.NonEmptyReadonlyArray<string>, options: Options = {}): Plan => {
  const isWanted = wanted(options)
  return ExecutionPlan.make(...Arr.map(models, (model, index) => {
    const provide = replacing(model)
    const before = models[index - 1]
    return before === undefined ? { provide } : { provide, schedule: onceAfter(isWanted, before, model) }
  }))
}

const withPlan: {
  (plan: Plan): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, plan: Plan): Program.Within<P>
} = /* @__PURE__ */ dual(2, <P extends Program.Program>(self: P, plan: Plan): Program.Within<P> => planned(self, plan))

function planned<P extends Program.Program>(self: P, plan: Plan): Program.Within<P>
function planned(self: Program.Program, plan: Plan): Program.Program {
  return Stream.isStream(self)
    ? Stream.withExecutionPlan(self, plan, { preventFallbackOnPartialStream: true })
    : Effect.withExecutionPlan(self, plan)
}

export {
  /**
   * Runs an effect or a stream by a plan. A stream goes on with the next model only if nothing of it has come yet.
   *
   * @since 0.1.0
   */
  withPlan as with
}

/** A layer in which all requests are for one model. */
const replacing = (model: string): Layer.Layer<never> => {
  const replaced = ({ models: _, ...request }: CreateResponse): CreateResponse => ({ ...request, model })
  const middleware = staged("request", (service) => ({
    ...service,
    outcome: (request) => service.outcome(replaced(request)),
    events: (request) => service.events(replaced(request))
  }))
  return Layer.fresh(
    Layer.effect(CurrentMiddleware, Effect.map(CurrentMiddleware, (outer) => added(outer, middleware)))
  )
}

const isOurs = Schema.is(OpenRouterError.OpenRouterError)

const wanted = ({ on, paid }: Options) => (error: unknown): error is OpenRouterError.OpenRouterError => {
  if (!isOurs(error)) return false
  if (paid !== "again" && isPaid(error)) return false
  if (on === undefined) return reasons.includes(error._tag) && !OpenRouterError.isAccountWide(error)
  return typeof on === "function" ? on(error) : on.includes(error._tag)
}

/** True for what was charged, and for an answer of whose price nothing is known. */
const isPaid = (error: OpenRouterError.OpenRouterError): boolean => {
  if (error.cost !== undefined) return Usd.isGreaterThan(error.cost, Usd.zero)
  switch (error._tag) {
    case "Incomplete":
    case "InvalidOutput":
      return true
    case "Refused":
      return error.source === "model"
    case "EmptyCompletion":
      return !error.isRetryable
    default:
      return false
  }
}

/**
 * The schedule of a step: it is asked with the error of the step before it, and then with its own. A step without one of its
 * own would be asked for its own error twice, here and by the step that follows.
 */
const onceAfter = (
  isWanted: (error: unknown) => error is OpenRouterError.OpenRouterError,
  before: string,
  model: string
): Schedule.Schedule<void, unknown> =>
  Schedule.fromStep(Effect.sync(() => {
    let isTried = false
    return (_now: number, error: unknown) => {
      if (isTried || !isWanted(error)) return Cause.done(undefined)
      isTried = true
      return Effect.as(
        Effect.logWarning(`${before} failed with ${error._tag}: going on with ${model}`),
        next
      )
    }
  }))

const next: [void, Duration.Duration] = [undefined, Duration.zero]
