/**
 * The conversation of a run: what was said, called and answered, in order.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Input from "../request/Input.ts"
import type { InputItem } from "../request/Input.ts"

/**
 * The items of a conversation; they can be the `input` of a request.
 *
 * @since 0.1.0
 */
// An interface has its name in declarations, where the type of its items would be written out again and again.
export interface Transcript extends ReadonlyArray<InputItem> {}

/**
 * The schema of a {@link Transcript}.
 *
 * @since 0.1.0
 */
export const Transcript: Schema.Codec<Transcript, ReadonlyArray<unknown>> = Schema.suspend(() =>
  Schema.Array(Input.InputItem)
)
