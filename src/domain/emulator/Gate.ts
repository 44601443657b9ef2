/**
 * Who gets through to a model: known slugs, within the rate limits, with credits left, and no outage.
 *
 * @since 0.1.0
 */
import * as BigDecimal from "effect/BigDecimal"
import * as Result from "effect/Result"
import type { Context, State } from "./Exchange.ts"
import * as Model from "./NamedModel.ts"
import * as Outage from "./Outage.ts"
import * as Price from "./Price.ts"
import * as RateWindow from "./RateWindow.ts"
import * as Reply from "./Reply.ts"
import * as Request from "./Request.ts"
import * as Rule from "./Rule.ts"
import * as Text from "./Text.ts"

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
 * A call that did not get through: why not, and the state which has counted that.
 *
 * @since 0.1.0
 */
export interface Denied {
  readonly failure: Reply.Failure
  readonly state: State
}

/**
 * Lets a call through, or says why not.
 *
 * @since 0.1.0
 */
export const admit = (context: Context, state: State, call: Rule.Call): Result.Result<Admitted, Denied> => {
  const { config, now } = context
  const { model } = call
  const deny = (failure: Reply.Failure, after = state) => Result.fail({ failure, state: after })
  const builtIn = Model.reply(call)
  if (Request.isUnknownModel(model) || (model.startsWith("emulator/") && builtIn === undefined)) {
    return deny(Reply.failure(400, { message: `'${model}' is no model of this server.`, errorType: "invalid_request" }))
  }
  if (config.models === "listed" && builtIn === undefined && !isKnown(config.prices, model)) {
    return deny(Reply.failure(400, { message: `${model} is not a valid model ID` }))
  }
  const taken = RateWindow.take(state.quotas, state.windows, askedOf(context, state, call))
  if (Result.isFailure(taken)) return deny(taken.failure.failure, { ...state, windows: taken.failure.windows })
  const price = Price.find(config.prices, model)
  if (isBroke(state, price)) return deny(outOfCredits)
  const passed: State = { ...state, windows: taken.success }
  const down = Outage.failureOf(state.outages, model, now)
  if (down !== undefined) return deny(down, passed)
  const [ruled, rules] = Rule.fire(state.rules, call)
  return Result.succeed({ price, reply: ruled ?? builtIn, state: { ...passed, rules } })
}

/** A preset stands for whatever model its owner has chosen. */
const isKnown = (prices: Price.PriceTable, model: string): boolean =>
  model.startsWith("@preset/") || Price.isListed(prices, model)

/**
 * The state after a call that was let through has used so many tokens.
 *
 * @since 0.1.0
 */
export const settle = (context: Context, state: State, call: Rule.Call, tokens: number): State =>
  state.quotas.length === 0
    ? state
    : { ...state, windows: RateWindow.settle(state.quotas, state.windows, askedOf(context, state, call), tokens) }

const askedOf = ({ key, now }: Context, { credits, quotas }: State, call: Rule.Call): RateWindow.Asked => ({
  key,
  keyLabel: call.key,
  model: call.model,
  // To count tokens takes a while for a long text.
  tokens: quotas.some(({ tokens }) => tokens !== Infinity) ? tokensOf(call) : 0,
  credits,
  now
})

const tokensOf = ({ body, text }: Rule.Call): number => {
  const most = body["max_output_tokens"]
  return Math.max(1, Text.tokens(text)) + (typeof most === "number" ? most : 0)
}

const isBroke = ({ books, credits }: State, price: Price.TokenPrice): boolean => {
  const left = BigDecimal.subtract(credits, books.total)
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
