/**
 * An answer that asks for functions to be called, where a value was asked for.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { context } from "../error/ErrorContext.ts"
import * as Hidden from "../error/Hidden.ts"
import { FunctionCall } from "../response/OutputItem.ts"

/**
 * The model calls functions in place of the value: answer the calls and ask again, with the `response`'s output and the
 * results in the input.
 *
 * @since 0.1.0
 */
export class UnansweredCalls extends Hidden.withResponse(
  Schema.TaggedError<UnansweredCalls>("effect-openrouter/UnansweredCalls")("UnansweredCalls", {
    ...context,
    functionCalls: Schema.Array(Schema.suspend(() => FunctionCall))
  })
) {
  readonly isRetryable = false
}
