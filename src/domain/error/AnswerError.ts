/**
 * Paid answers that are not answers: truncated, refused, failed midway, empty, of the wrong shape, or cut off.
 *
 * Each carries the response, the text so far, the usage and the cost, so that nothing paid is lost.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { context } from "./ErrorContext.ts"
import * as Hidden from "./Hidden.ts"

const optional = Schema.optionalKey

/**
 * The answer stopped early. It was billed; `partialText` is what there is.
 *
 * @since 0.1.0
 */
export class Incomplete extends Hidden.withResponse(
  Schema.TaggedError<Incomplete>("effect-openrouter/Incomplete")("Incomplete", {
    ...context,
    /** `max_output_tokens`, `content_filter`, or what a newer server says; a response's status if it gave no reason. */
    reason: Schema.String,
    partialText: Schema.String
  })
) {
  readonly isRetryable = false
}

/**
 * The model or a filter refused.
 *
 * @since 0.1.0
 */
export class Refused extends Hidden.withResponse(
  Schema.TaggedError<Refused>("effect-openrouter/Refused")("Refused", {
    ...context,
    /** `model`: a refusal part; `policy`: the provider's content policy; `moderation`: OpenRouter's moderation (403). */
    source: Schema.Literals(["model", "policy", "moderation"]),
    /** The words of the refusal, which are not in `message` if they are the model's. */
    refusal: Schema.String,
    /** The categories that moderation flagged. */
    reasons: optional(Schema.Array(Schema.String)),
    /** The excerpt that moderation flagged. Redacted, because it is part of the prompt; encoded only as a whole. */
    flaggedInput: Hidden.field(Hidden.Text)
  })
) {
  readonly isRetryable = false
}

/**
 * The response failed or was cancelled after it had begun, for a reason that no other error names.
 *
 * @since 0.1.0
 */
export class GenerationFailed extends Hidden.withResponse(
  Schema.TaggedError<GenerationFailed>("effect-openrouter/GenerationFailed")(
    "GenerationFailed",
    context
  )
) {
  readonly isRetryable = false
}

/**
 * The response completed without text, refusal, a call to answer, or a result such as an image. Reasoning may have used up
 * all tokens; then trying again does not help. It may if nothing at all came and nothing was used.
 *
 * @since 0.1.0
 */
export class EmptyCompletion extends Hidden.withResponse(
  Schema.TaggedError<EmptyCompletion>("effect-openrouter/EmptyCompletion")(
    "EmptyCompletion",
    context
  )
) {
  readonly isRetryable: boolean = Object.keys(this.usage ?? {}).length === 0 &&
    (this.response?.output ?? []).every((item) => item.type === "message")
}

/**
 * A structured answer that does not decode: `text` is the answer, `issue` what is wrong with it. `message` only says where.
 *
 * @since 0.1.0
 */
export class InvalidOutput extends Hidden.withResponse(
  Schema.TaggedError<InvalidOutput>("effect-openrouter/InvalidOutput")(
    "InvalidOutput",
    { ...context, text: Schema.String, issue: Schema.String }
  )
) {
  readonly isRetryable = false
}

/**
 * A stream ended without its terminal event. It is tried again only if it ended before its first event (`hasBegun` is false).
 *
 * @since 0.1.0
 */
export class StreamInterrupted extends Hidden.withResponse(
  Schema.TaggedError<StreamInterrupted>("effect-openrouter/StreamInterrupted")(
    "StreamInterrupted",
    {
      ...context,
      /** False if no event had come; one that only keeps the connection busy is none. Absent where it is not known. */
      hasBegun: optional(Schema.Boolean)
    }
  )
) {
  readonly isRetryable: boolean = this.hasBegun === false
}
