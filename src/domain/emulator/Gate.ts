/**
 * Who gets through to a model: known slugs, within the rate limit, with credits left.
 *
 * @since 0.1.0
 */
import * as BigDecimal from "effect/BigDecimal"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Context, State } from "./Exchange.ts"
import * as Model from "./NamedModel.ts"
import type { RateLimitHint } from "./Options.ts"
import * as Price from "./Price.ts"
import * as Reply from "./Reply.ts"
import * as Request from "./Request.ts"
import * as Rule from "./Rule.ts"

/**
 * A call that got through: what it costs, what a rule or the name of its model wants, and the state after both.
 *
 * @since 0.1.0
 */
export interface Admitted {
  readonly price: Price.TokenPrice
  readonly reply: Reply.Reply | undefined
  readonly state: State
}

/**
 * Lets a call through, or says why not.
 *
 * @since 0.1.0
 */
export const admit = (context: Context, state: State, call: Rule.Call): Result.Result<Admitted, Reply.Failure> => {
  const { config } = context
  const { model } = call
  const builtIn = Model.reply(call)
  if (Request.isUnknownModel(model) || (model.startsWith("emulator/") && builtIn === undefined)) {
    return Result.fail(
      Reply.failure(400, { message: `'${model}' is no model of this server.`, errorType: "invalid_request" })
    )
  }
  const windows = withinLimit(context, state, model)
  if (Result.isFailure(windows)) return Result.fail(windows.failure)
  const price = Price.find(config.prices, model)
  if (isBroke(context, state, price)) return Result.fail(outOfCredits)
  const [ruled, rules] = Rule.fire(state.rules, call)
  return Result.succeed({ price, reply: ruled ?? builtIn, state: { ...state, rules, windows: windows.success } })
}

const isBroke = ({ config }: Context, { books }: State, price: Price.TokenPrice): boolean => {
  const left = BigDecimal.subtract(config.credits, books.total)
  const isFree = Price.charge(price, 1, 1).total.value === 0n
  return BigDecimal.isNegative(left) || (BigDecimal.isZero(left) && !isFree)
}

const outOfCredits: Reply.Failure = {
  _tag: "Failure",
  status: 402,
  message: "The credits are used up.",
  errorType: "payment_required",
  metadata: { limit_source: "openrouter_credits" }
}

/** The windows after one more request, or the 429. */
const withinLimit = (
  { config, key, now }: Context,
  { windows }: State,
  model: string
): Result.Result<State["windows"], Reply.Failure> => {
  const limit = config.rateLimit
  if (limit === undefined || (limit.models !== undefined && !limit.models.has(model))) return Result.succeed(windows)
  const name = `${key} ${model}`
  const start = Math.floor(now / limit.window) * limit.window
  const window = Option.getOrUndefined(HashMap.get(windows, name))
  const requests = window !== undefined && window.start === start ? window.requests : 0
  return requests < limit.requests
    ? Result.succeed(HashMap.set(windows, name, { start, requests: requests + 1 }))
    : Result.fail(tooMany(config.rateLimitHint, limit.requests, start + limit.window - now))
}

const tooMany = (hint: RateLimitHint, limit: number, after: number): Reply.Failure => {
  const failure: Reply.Failure = {
    _tag: "Failure",
    status: 429,
    message: `Too many requests: ${limit} per window are allowed.`,
    errorType: "rate_limit_exceeded"
  }
  switch (hint) {
    case "none":
      return failure
    case "retry-after":
      return { ...failure, retryAfter: after }
    default:
      return { ...failure, reset: { after, limit, place: hint } }
  }
}
