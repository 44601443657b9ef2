/**
 * What can go wrong with a batch of OpenRouter's Batch API as a whole.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Nobody can tell whether a batch was accepted: the process died, or the connection broke, while it was sent. It is not sent again
 * by itself, because that could be paid for twice.
 *
 * Look at `candidates` (or at OpenRouter's list of batches), and then run the same again with `uncertain: "send"`, or with
 * `uncertain: { [intent]: "batch_…" }` where it was accepted under
 * that id.
 *
 * @since 0.1.0
 */
export class BatchUncertain extends Schema.TaggedError<BatchUncertain>("effect-openrouter/BatchUncertain")(
  "BatchUncertain",
  {
    message: Schema.String,
    /** The `custom_id`s of its requests begin with it. */
    intent: Schema.String,
    model: Schema.String,
    /** How many requests it has. */
    requests: Schema.Int,
    /** Batches that it may be. */
    candidates: Schema.Array(Schema.String)
  }
) {}

/**
 * A request that its batch ended without an answer to. It costs nothing, unless it is merely `missing`.
 *
 * | reason | what happened |
 * |---|---|
 * | `expired` | the provider did not come to it in time |
 * | `failed` | the batch failed; the message says why, where OpenRouter did |
 * | `cancelled` | somebody cancelled the batch |
 * | `missing` | the batch says that it is complete, and has no result for this request |
 *
 * @since 0.1.0
 */
export class BatchUnfinished extends Schema.TaggedError<BatchUnfinished>("effect-openrouter/BatchUnfinished")(
  "BatchUnfinished",
  {
    message: Schema.String,
    reason: Schema.Literals(["expired", "failed", "cancelled", "missing"]),
    /** The id of the batch. */
    batch: Schema.String
  }
) {
  readonly isRetryable: boolean = this.reason === "expired"
}
