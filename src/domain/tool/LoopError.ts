/**
 * How a loop of tool calls ends without an answer, though each of its calls was answered.
 *
 * Both errors carry the transcript, so that a program can go on from there, and what it cost. The transcript repeats the
 * prompt and what the tools said: it is for programs, and in neither inspection, logs nor the encoded form.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Hidden from "../error/Hidden.ts"
import * as Costs from "../outcome/Costs.ts"
import { Transcript } from "./Transcript.ts"

const context = {
  message: Schema.String,
  /** How many times the model was asked. */
  steps: Schema.Int,
  /** What the run cost, by the rules of a ledger. */
  costs: Costs.Costs,
  /** The conversation so far, complete: it can be the `input` of another request. Absent in an error that was decoded. */
  transcript: Hidden.field(Transcript)
}

/**
 * The model asked for the same call with the same arguments again and again, step after step. The last one was not run.
 *
 * @since 0.1.0
 */
export class ToolLoopDetected extends Hidden.without("transcript", Schema.TaggedError<ToolLoopDetected>("effect-openrouter/ToolLoopDetected")("ToolLoopDetected", {
    ...context,
    /** The name of the tool. */
    tool: Schema.String,
    /** In how many steps in a row it was asked for. */
    repeats: Schema.Int
  })) {
  readonly isRetryable = false
}

/**
 * The run reached one of its limits before the model had answered.
 *
 * @since 0.1.0
 */
export class MaxStepsReached extends Hidden.without("transcript", Schema.TaggedError<MaxStepsReached>("effect-openrouter/MaxStepsReached")("MaxStepsReached", {
    ...context,
    /** Which limit: `maxSteps` or `maxCalls`. */
    limit: Schema.Literals(["maxSteps", "maxCalls"]),
    /** Its value. */
    max: Schema.Int
  })) {
  readonly isRetryable = false
}
