/**
 * What became of an item that a batch did not get to.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The batch was stopped before this item was started: nothing was sent for it, and it cost nothing.
 *
 * @since 0.1.0
 */
export class NotStarted extends Schema.TaggedError<NotStarted>("effect-openrouter/NotStarted")("NotStarted", {
  message: Schema.String,
  /** `error`: one error that stops it. `failures`: too many items failed. */
  reason: Schema.Literals(["error", "failures"]),
  /** The tag of the error that stopped the batch, or was the last of too many; absent if it has none. */
  stoppedBy: Schema.optionalKey(Schema.String)
}) {}
