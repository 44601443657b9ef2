/**
 * Why a run cannot be resumed. Nothing was called and nothing was sent.
 *
 * None of the messages has an argument of a call.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A decision that does not hold: `foreign` for a call that is not waiting in this run, `used` for one that was decided
 * before, `changed` for another tool or other arguments than those that were decided on.
 *
 * @since 0.1.0
 */
export class InvalidDecision extends Schema.TaggedError<InvalidDecision>("effect-openrouter/InvalidDecision")(
  "InvalidDecision",
  {
    message: Schema.String,
    reason: Schema.Literals(["foreign", "used", "changed"]),
    /** The call that the decision names; absent if several were claimed at once and one of them was used. */
    callId: Schema.optionalKey(Schema.String)
  }
) {}

/**
 * The toolkit has other tools, or takes other arguments, than the one that the run was made with.
 *
 * @since 0.1.0
 */
export class ToolkitChanged extends Schema.TaggedError<ToolkitChanged>("effect-openrouter/ToolkitChanged")(
  "ToolkitChanged",
  { message: Schema.String }
) {}

/**
 * The stored value was not signed with this secret, or was changed afterwards; or it was signed, and no secret is given.
 *
 * @since 0.1.0
 */
export class InvalidSignature extends Schema.TaggedError<InvalidSignature>("effect-openrouter/InvalidSignature")(
  "InvalidSignature",
  { message: Schema.String }
) {}

/**
 * Everything that can keep a run from being resumed.
 *
 * @since 0.1.0
 */
export const ApprovalError = Schema.Union([InvalidDecision, ToolkitChanged, InvalidSignature])

/**
 * @since 0.1.0
 */
export type ApprovalError = typeof ApprovalError.Type
