/**
 * What a whole call cost, on the error that ended it.
 *
 * An error is made by whoever reads the answer of one attempt and knows nothing of those before it; so it is made again
 * once the attempt is over. Errors are rare, and the same object may be given to several calls, so none is changed.
 *
 * @since 0.1.0
 */
import type * as Usd from "../money/Usd.ts"
import type { Response } from "../response/Response.ts"
import * as Wire from "../wire/Wire.ts"
import * as E from "./OpenRouterError.ts"

/**
 * The error with the cost of the call.
 *
 * @since 0.1.0
 */
export const withCallCost = (error: E.RequestError, callCost: Usd.Usd): E.RequestError =>
  remade(error, ownOf(error, callCost))

/**
 * What another error of the same kind may have instead.
 *
 * @since 0.1.0
 */
export interface Changes {
  readonly message: string
  readonly callCost?: Usd.Usd
  readonly partialText?: string
  readonly response?: Response
}

/**
 * The error made again with other fields; what spreading leaves out (message and response) is among them.
 *
 * @since 0.1.0
 */
export const remade = (error: E.RequestError, own: Changes): E.RequestError => {
  switch (error._tag) {
    case "InvalidRequest":
      return new E.InvalidRequest({ ...error, ...own })
    case "ContextLengthExceeded":
      return new E.ContextLengthExceeded({ ...error, ...own })
    case "PayloadTooLarge":
      return new E.PayloadTooLarge({ ...error, ...own })
    case "InvalidApiKey":
      return new E.InvalidApiKey({ ...error, ...own })
    case "PaymentRequired":
      return new E.PaymentRequired({ ...error, ...own })
    case "AccessDenied":
      return new E.AccessDenied({ ...error, ...own })
    case "ModelUnavailable":
      return new E.ModelUnavailable({ ...error, ...own })
    case "RateLimited":
      return new E.RateLimited({ ...error, ...own })
    case "ProviderTimeout":
      return new E.ProviderTimeout({ ...error, ...own })
    case "ProviderUnavailable":
      return new E.ProviderUnavailable({ ...error, ...own })
    case "ProviderOverloaded":
      return new E.ProviderOverloaded({ ...error, ...own })
    case "ServerError":
      return new E.ServerError({ ...error, ...own })
    case "UnexpectedStatus":
      return new E.UnexpectedStatus({ ...error, ...own })
    case "Refused":
      return new E.Refused({ ...error, ...own })
    case "ConnectionFailed":
      return new E.ConnectionFailed({ ...error, ...own })
    case "TimedOut":
      return new E.TimedOut({ ...error, ...own })
    case "MalformedResponse":
      return new E.MalformedResponse({ ...error, ...own })
    case "BudgetExceeded":
      return new E.BudgetExceeded({ ...error, ...own })
  }
}

/**
 * The same of an error of a stream.
 *
 * @since 0.1.0
 */
export const ofStream = (
  error: E.RequestError | E.StreamInterrupted,
  callCost: Usd.Usd
): E.RequestError | E.StreamInterrupted =>
  error._tag === "StreamInterrupted"
    ? new E.StreamInterrupted({ ...error, ...ownOf(error, callCost) })
    : withCallCost(error, callCost)

/** What spreading an error leaves out is named. */
const ownOf = (error: E.OpenRouterError, callCost: Usd.Usd) => ({
  message: error.message,
  callCost,
  ...Wire.compact({ response: error.response })
})
