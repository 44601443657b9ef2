/**
 * What is wrong with the files of a batch.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A file that a batch cannot work with.
 *
 * | reason | what happened |
 * |---|---|
 * | `unreadable` | the input cannot be read, or `line` of it is no JSON or not of the schema; nothing was sent |
 * | `duplicateId` | `line` of the input has the id of an earlier one; nothing was sent |
 * | `unwritable` | the value of an item cannot be written as JSON; all others are in the output |
 *
 * @since 0.1.0
 */
export class BatchFileError extends Schema.TaggedError<BatchFileError>("effect-openrouter/BatchFileError")(
  "BatchFileError",
  {
    message: Schema.String,
    path: Schema.String,
    reason: Schema.Literals(["unreadable", "duplicateId", "unwritable"]),
    /** From 1. */
    line: Schema.optionalKey(Schema.Int)
  }
) {}
