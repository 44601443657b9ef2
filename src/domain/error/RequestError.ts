/**
 * What keeps a request from being answered at all, by what it means for the caller.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Usd from "../money/Usd.ts"
import { context, hint } from "./ErrorContext.ts"
import * as FailureCode from "./FailureCode.ts"
import * as Hidden from "./Hidden.ts"

const optional = Schema.optionalKey

/**
 * The request cannot be served as it is: our own check (`origin: "local"`, nothing was sent) or the server's 400, 412 or
 * 422. `field` names the offending field where it is known.
 *
 * @since 0.1.0
 */
export class InvalidRequest extends Hidden.withResponse(
  Schema.TaggedError<InvalidRequest>("effect-openrouter/InvalidRequest")(
    "InvalidRequest",
    { ...context, origin: Schema.Literals(["local", "server"]), field: optional(Schema.String) }
  )
) {
  readonly isRetryable = false
}

/**
 * The input, or input and answer together, exceed the model's context or a length limit; also where only a message tells.
 *
 * @since 0.1.0
 */
export class ContextLengthExceeded extends Hidden.withResponse(
  Schema.TaggedError<ContextLengthExceeded>("effect-openrouter/ContextLengthExceeded")(
    "ContextLengthExceeded",
    context
  )
) {
  readonly isRetryable = false
}

/**
 * The request body is larger than the server accepts (413).
 *
 * @since 0.1.0
 */
export class PayloadTooLarge extends Hidden.withResponse(
  Schema.TaggedError<PayloadTooLarge>("effect-openrouter/PayloadTooLarge")(
    "PayloadTooLarge",
    context
  )
) {
  readonly isRetryable = false
}

/**
 * The key is missing, wrong, expired or disabled (401).
 *
 * @since 0.1.0
 */
export class InvalidApiKey extends Hidden.withResponse(
  Schema.TaggedError<InvalidApiKey>("effect-openrouter/InvalidApiKey")(
    "InvalidApiKey",
    context
  )
) {
  readonly isRetryable = false
}

/**
 * Credits, a key limit or a provider's quota are used up (402, or `insufficient_quota` and its siblings in any envelope).
 * `isTransient`: only calls in flight hold the money back, so waiting helps.
 *
 * @since 0.1.0
 */
export class PaymentRequired extends Hidden.withResponse(
  Schema.TaggedError<PaymentRequired>("effect-openrouter/PaymentRequired")(
    "PaymentRequired",
    {
      ...context,
      ...hint,
      /** Such as `openrouter_credits`, `openrouter_key_limit`, `openrouter_in_flight_budget`. */
      limitSource: optional(Schema.String),
      isTransient: Schema.Boolean
    }
  )
) {
  readonly isRetryable: boolean = this.isTransient && this.retryable !== false
}

/**
 * The key may not do this (403): a permission, a guardrail (`patterns` it matched) or a region.
 *
 * @since 0.1.0
 */
export class AccessDenied extends Hidden.withResponse(
  Schema.TaggedError<AccessDenied>("effect-openrouter/AccessDenied")("AccessDenied", {
    ...context,
    patterns: optional(Schema.Array(Schema.String))
  })
) {
  readonly isRetryable = false
}

/**
 * No such model, or no endpoint that meets the request's constraints (404, or a 400 that says so).
 *
 * @since 0.1.0
 */
export class ModelUnavailable extends Hidden.withResponse(
  Schema.TaggedError<ModelUnavailable>("effect-openrouter/ModelUnavailable")(
    "ModelUnavailable",
    {
      ...context,
      /** Such as `model_not_found`, `privacy_restricted`, `constraint_filtered`. */
      reason: optional(Schema.String),
      /** Models that the server suggests instead. */
      fallbackModels: optional(Schema.Array(Schema.String))
    }
  )
) {
  readonly isRetryable = false
}

/**
 * Too many requests (429, or `rate_limit_exceeded` in a body).
 *
 * @since 0.1.0
 */
export class RateLimited extends Hidden.withResponse(
  Schema.TaggedError<RateLimited>("effect-openrouter/RateLimited")("RateLimited", {
    ...context,
    ...hint,
    /** Requests allowed per window. */
    limit: optional(Schema.Finite),
    /** Requests left in the window. */
    remaining: optional(Schema.Finite),
    /** Such as `openrouter_free_tier_daily`, `upstream_provider_shared_pool`. */
    limitSource: optional(Schema.String)
  })
) {
  readonly isRetryable: boolean = this.retryable !== false
}

/**
 * The provider did not answer in time, says the server (408, 504, 524).
 *
 * @since 0.1.0
 */
export class ProviderTimeout extends Hidden.withResponse(
  Schema.TaggedError<ProviderTimeout>("effect-openrouter/ProviderTimeout")(
    "ProviderTimeout",
    { ...context, ...hint }
  )
) {
  readonly isRetryable: boolean = this.retryable !== false
}

/**
 * The provider is down or sent an invalid answer (502).
 *
 * @since 0.1.0
 */
export class ProviderUnavailable extends Hidden.withResponse(
  Schema.TaggedError<ProviderUnavailable>("effect-openrouter/ProviderUnavailable")("ProviderUnavailable", {
    ...context,
    ...hint
  })
) {
  readonly isRetryable: boolean = this.retryable !== false
}

/**
 * No provider has capacity (503, 529, or `server_is_overloaded` and its siblings in any envelope).
 *
 * @since 0.1.0
 */
export class ProviderOverloaded extends Hidden.withResponse(
  Schema.TaggedError<ProviderOverloaded>("effect-openrouter/ProviderOverloaded")("ProviderOverloaded", {
    ...context,
    ...hint
  })
) {
  readonly isRetryable: boolean = this.retryable !== false
}

/**
 * OpenRouter itself failed (500 and other 5xx).
 *
 * @since 0.1.0
 */
export class ServerError extends Hidden.withResponse(
  Schema.TaggedError<ServerError>("effect-openrouter/ServerError")("ServerError", {
    ...context,
    ...hint
  })
) {
  readonly isRetryable: boolean = this.retryable !== false
}

/**
 * A status that no rule covers.
 *
 * @since 0.1.0
 */
export class UnexpectedStatus extends Hidden.withResponse(
  Schema.TaggedError<UnexpectedStatus>("effect-openrouter/UnexpectedStatus")(
    "UnexpectedStatus",
    context
  )
) {
  readonly isRetryable = false
}

/**
 * The connection could not be made or broke. Before an answer began (`connecting`, `sending`) nothing is billed for sure
 * only while `connecting`. Not retryable where it would fail again: a wrong certificate, an HTTP client that was closed.
 *
 * @since 0.1.0
 */
export class ConnectionFailed extends Hidden.withResponse(
  Schema.TaggedError<ConnectionFailed>("effect-openrouter/ConnectionFailed")(
    "ConnectionFailed",
    {
      ...context,
      phase: Schema.Literals(["connecting", "sending", "receiving"]),
      /** The system's word, such as `ECONNREFUSED`, the same on every runtime where it is known. */
      reason: optional(Schema.String)
    }
  )
) {
  // A wrong certificate stays wrong, and an HTTP client that was closed stays closed.
  readonly isRetryable: boolean = this.reason === undefined || !FailureCode.isFinal(this.reason)
}

/**
 * Our own deadline passed. The provider may still bill the answer, so it is not retried by default.
 *
 * @since 0.1.0
 */
export class TimedOut extends Hidden.withResponse(
  Schema.TaggedError<TimedOut>("effect-openrouter/TimedOut")("TimedOut", {
    ...context,
    phase: Schema.Literals(["response", "firstEvent", "idle", "total"]),
    /** How long was waited; absent where the HTTP client's own limit passed. */
    duration: optional(Schema.Duration)
  })
) {
  readonly isRetryable = false
}

/**
 * An answer that is no response, even read leniently, one that is too large to be read (`reason: "tooLarge"`), or none at all
 * (`reason: "empty"`: nothing but padding). What it cost is unknown, and it is final, because sent again it would be the same
 * and billed again; only an empty one is tried again. `body` has its text, as far as it could be read.
 *
 * @since 0.1.0
 */
export class MalformedResponse extends Hidden.withResponse(
  Schema.TaggedError<MalformedResponse>("effect-openrouter/MalformedResponse")(
    "MalformedResponse",
    {
      ...context,
      /**
       * `tooLarge`: beyond `maxAnswerBytes`, or headers beyond what the HTTP client takes; it was not read to its end. `empty`:
       * nothing came.
       */
      reason: optional(Schema.Literals(["tooLarge", "empty"]))
    }
  )
) {
  readonly isRetryable: boolean = this.reason === "empty"
}

/**
 * A budget would be overspent. Nothing was sent.
 *
 * @since 0.1.0
 */
export class BudgetExceeded extends Hidden.withResponse(
  Schema.TaggedError<BudgetExceeded>("effect-openrouter/BudgetExceeded")(
    "BudgetExceeded",
    {
      ...context,
      /** Which budget: its name, or the scopes in which it was made. */
      scope: Schema.String,
      limit: Usd.Usd,
      /** What counts as spent, `unknown` included. */
      spent: Usd.Usd,
      /** What is counted for calls whose cost is not known: their estimates. */
      unknown: Usd.Usd,
      /** What is held for calls that run. */
      reserved: Usd.Usd,
      /** What the call was expected to cost. Absent where neither a price nor a mean is known. */
      estimate: optional(Usd.Usd),
      /**
       * `spent`: what is spent leaves too little. `reserved`: what running calls hold did, for longer than the budget waits.
       * `store`: the store of a shared budget is away, so nobody knows.
       */
      reason: optional(Schema.Literals(["spent", "reserved", "store"])),
      /** When the budget begins anew, if it does. */
      resetsAt: optional(Schema.DateTimeUtc)
    }
  )
) {
  readonly isRetryable = false
}
