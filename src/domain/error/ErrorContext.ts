/**
 * What the errors of this library have in common.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Usage } from "../money/Usage.ts"
import * as Usd from "../money/Usd.ts"
import * as Hidden from "./Hidden.ts"

const optional = Schema.optionalKey

/**
 * What the server said about the provider that failed.
 *
 * @since 0.1.0
 */
export const ProviderDetails = Schema.Struct({
  /** Display name, such as `OpenAI`. */
  name: optional(Schema.String),
  /** The provider's own error code. */
  code: optional(Schema.String),
  /** The provider's own words, as text. Redacted, because they may repeat the prompt; encoded only as a whole. */
  raw: Hidden.field(Hidden.Text)
})

/**
 * @since 0.1.0
 */
export interface ProviderDetails extends Schema.Schema.Type<typeof ProviderDetails> {}

/**
 * What a provider said that was tried before the one whose error this is. Absent is what OpenRouter did not tell.
 *
 * @since 0.1.0
 */
export const PreviousError = Schema.Struct({
  provider: optional(Schema.String),
  /** Its error code as text. */
  code: optional(Schema.String),
  /** Its HTTP status. */
  status: optional(Schema.Finite),
  message: optional(Schema.String)
})

/**
 * @since 0.1.0
 */
export interface PreviousError extends Schema.Schema.Type<typeof PreviousError> {}

/**
 * What every error may know.
 *
 * @since 0.1.0
 */
export const context = {
  message: Schema.String,
  /** HTTP status, where an HTTP answer was the cause. */
  status: optional(Schema.Int),
  /** The model that was asked for, or that served. */
  model: optional(Schema.String),
  /** From `X-Generation-Id`; ask `GET /generation` with it. */
  generationId: optional(Schema.String),
  /** How many times the request was sent. */
  attempts: optional(Schema.Int),
  /** OpenRouter's canonical `error_type`, where given. */
  errorType: optional(Schema.String),
  /** The error `code` of the body as text, where given; else its `type`. */
  code: optional(Schema.String),
  usage: optional(Schema.suspend(() => Usage)),
  /** What OpenRouter charged for this attempt, as it said itself. Absent is unknown, not zero. */
  cost: optional(Usd.Usd),
  /** What all attempts of the call cost, by the rules of a ledger. Absent if the cost of any of them is unknown. */
  callCost: optional(Usd.Usd),
  /** The text that arrived before the failure. */
  partialText: optional(Schema.String),
  provider: optional(ProviderDetails),
  /** What OpenRouter advises to do about it. */
  remedyHint: optional(Schema.String),
  /** The providers that OpenRouter tried before, in order. */
  previousErrors: optional(Schema.Array(PreviousError)),
  /**
   * The text of a body that is no response, at most 64 kB of it; redacted, because it may repeat the prompt: read it with
   * `Redacted.value`. It is absent in an error that was encoded without it.
   */
  body: Hidden.field(Hidden.Text),
  /**
   * The response, where there was one: reasoning, items and calls that were paid for. For programs: it may repeat the
   * prompt, so neither inspection nor logs, `toJSON` and the encoding of an error have it.
   */
  response: Hidden.field(Hidden.ResponseJson)
}

/**
 * What an error may know about when to come back.
 *
 * @since 0.1.0
 */
export const hint = {
  /** The instant that the server announced. */
  resetAt: optional(Schema.DateTimeUtc),
  /** The announced wait, counted from the moment the answer was read. */
  retryAfter: optional(Schema.Duration),
  /** Whether trying again can help, where the server says so; after `false` it is not done. */
  retryable: optional(Schema.Boolean)
}
