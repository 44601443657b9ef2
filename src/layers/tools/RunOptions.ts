/**
 * What a run of tool calls is asked for, and what comes of it.
 *
 * @since 0.1.0
 */
import type * as AiError from "effect/ai/AiError"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import type * as Costs from "../../domain/outcome/Costs.ts"
import type { AnswerFlaw } from "../../services/ObjectCall.ts"
import type { Completed } from "../../domain/outcome/Outcome.ts"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import type { InputItem } from "../../domain/request/Input.ts"
import type { Decision, Pending, PendingCall } from "../../domain/tool/Approval.ts"
import type { MaxStepsReached, ToolLoopDetected } from "../../domain/tool/LoopError.ts"
import type { RespondError } from "../../services/OpenRouter.ts"
import type { ToolResult } from "./ToolExecution.ts"

/**
 * A step that is over: one answer of the model, and the results of all its calls.
 *
 * @since 0.1.0
 */
export interface Step {
  /** From 1, over all resumptions of a run. */
  readonly number: number
  /** What the model said beside its calls; may be empty. */
  readonly text: string
  /** In the order in which the model asked. */
  readonly results: ReadonlyArray<ToolResult>
  /** The conversation so far, these results included. */
  readonly transcript: ReadonlyArray<InputItem>
  /** What the run cost so far. */
  readonly costs: Costs.Costs
}

/**
 * What {@link Options.prepareStep} knows: the step that is about to begin.
 *
 * @since 0.1.0
 */
export interface NextStep {
  /** From 1, over all resumptions of a run. */
  readonly number: number
  /** The conversation so far: what is sent as `input`, unless it is changed. */
  readonly transcript: ReadonlyArray<InputItem>
  /** What the run cost so far. */
  readonly costs: Costs.Costs
}

/**
 * What `prepareStep` changes of the next request; it holds for that one only. `input` changes what the model sees, and leaves
 * the transcript as it is.
 *
 * @since 0.1.0
 */
export interface StepChanges<Name extends string = string> extends Omit<CreateResponse, "tools"> {
  /** The names of those tools of the toolkit that the model may call. */
  readonly activeTools?: ReadonlyArray<Name> | undefined
}

/**
 * What a run is asked for besides an `input` or something to resume: the fields of a request, a toolkit, and limits.
 *
 * `tools` may have what OpenRouter itself runs, such as `Tool.webSearch()`. A `toolChoice` that forces a call holds until
 * calls were answered, and is `auto` after that.
 *
 * @since 0.1.0
 */
export interface Options<
  Tools extends Record<string, Tool.Any>,
  RX = never,
  A = undefined,
  E = unknown,
  RP = never
> extends Omit<CreateResponse, "input" | "prompt"> {
  /** Of `effect/ai`; its handlers are a requirement of the run. */
  readonly toolkit: Effect.Effect<Toolkit.WithHandler<Tools>, never, RX>
  /** How many times the model may be asked. Default 20. */
  readonly maxSteps?: number | undefined
  /** How many calls of tools may run. Default 100. */
  readonly maxCalls?: number | undefined
  /** In how many steps in a row the model may not ask for the same call with the same arguments. Default 3. */
  readonly maxRepeats?: number | undefined
  /** How many calls of a step run at a time. Default 4. */
  readonly concurrency?: number | undefined
  /** How many characters of a result the model is told; the rest is cut, with a note. Default 50,000. */
  readonly maxResult?: number | undefined
  /**
   * What happens at `maxSteps` and `maxCalls`: `"fail"` (default) stops the run with `MaxStepsReached`, `"answer"` asks the
   * model once more, and lets it call nothing.
   */
  readonly onMaxSteps?: "fail" | "answer" | undefined
  /** Ends the run after a step, with what the model said in it; with a `schema` the model is asked once more, for the value. */
  readonly stopWhen?: ((step: Step) => boolean | Effect.Effect<boolean, never, RP>) | undefined
  /** Changes the next request. */
  readonly prepareStep?:
    | ((
      next: NextStep
    ) =>
      | StepChanges<Extract<keyof Tools, string>>
      | Effect.Effect<StepChanges<Extract<keyof Tools, string>>, never, RP>)
    | undefined
  /**
   * Asks somebody at once about a call that needs approval. Without a decision (`undefined`) the call waits, and the run ends
   * with a `Pending`, as it does for all such calls if nobody can be asked. Calls of one step may ask at the same time.
   */
  readonly decide?: ((call: PendingCall) => Effect.Effect<Decision | undefined, never, RP>) | undefined
  /** The shape of the answer, which is then decoded; see `OpenRouter.respondObject`. */
  readonly schema?: Schema.Codec<A, E> | undefined
  /** See `respondObject`. */
  readonly schemaName?: string | undefined
  /** See `respondObject`. */
  readonly schemaDescription?: string | undefined
  /** Signs the value of a run that waits for approvals; a run is resumed with the same secret only. */
  readonly secret?: Redacted.Redacted | undefined
}

/**
 * A run to go on with, and what was decided since. Calls without a decision stay open.
 *
 * @since 0.1.0
 */
export interface Resuming {
  readonly resume: {
    readonly pending: Pending
    readonly decisions: ReadonlyArray<Decision>
  }
}

/**
 * The model answered.
 *
 * @since 0.1.0
 */
export interface Answered<A = undefined> {
  readonly _tag: "Answered"
  /** The text of the answer. */
  readonly text: string
  /** The decoded answer, if the run was given a `schema`. */
  readonly value: A
  /** What ended the run: the model's answer, `stopWhen`, or a limit, after which the model was asked for an answer. */
  readonly endedBy: "model" | "stopWhen" | "maxSteps" | "maxCalls"
  /** The last answer as a whole; absent only if `stopWhen` ended a run right after it was resumed. */
  readonly answer?: Completed | undefined
  /** The whole conversation; with another `Input.user(…)` it is the `input` of the next run. */
  readonly transcript: ReadonlyArray<InputItem>
  /** How many times the model was asked. */
  readonly steps: number
  /** What the run cost: all steps, their failed attempts, and calls that handlers made. */
  readonly costs: Costs.Costs
}

/**
 * The run failed, and what there was until then.
 *
 * @since 0.1.0
 */
export interface Stopped<E> {
  readonly _tag: "Stopped"
  readonly error: E
  /** What the model said last; may be empty. */
  readonly text: string
  /** The conversation so far, complete: it can be the `input` of another run. */
  readonly transcript: ReadonlyArray<InputItem>
  /** How many times the model answered. */
  readonly steps: number
  /** What the run cost, the step that failed included. */
  readonly costs: Costs.Costs
}

/**
 * How a run can fail: as every call of the client, by the loop's own limits, or with an error of `effect/ai` that a handler
 * did not declare. With a `schema` also with `InvalidOutput` and `UnansweredCalls`.
 *
 * @since 0.1.0
 */
export type RunError<A = undefined> =
  | RespondError
  | ToolLoopDetected
  | MaxStepsReached
  | AiError.AiError
  | ([A] extends [undefined] ? never : AnswerFlaw)

/**
 * What is seen of a run while it goes on.
 *
 * @since 0.1.0
 */
export type RunEvent =
  /** The model is asked. */
  | { readonly _tag: "StepStarted"; readonly step: number }
  /** A piece of what the model says; the pieces of a step, joined, are its text. */
  | { readonly _tag: "TextDelta"; readonly step: number; readonly delta: string }
  /** A call begins to run. */
  | {
    readonly _tag: "ToolCalled"
    readonly step: number
    readonly callId: string
    readonly name: string
    readonly arguments: unknown
  }
  /** A preliminary result of a handler. */
  | {
    readonly _tag: "ToolProgressed"
    readonly step: number
    readonly callId: string
    readonly name: string
    readonly result: unknown
  }
  /** A call was answered, by its handler or otherwise; calls that run at the same time in the order in which they end. */
  | ({ readonly _tag: "ToolReturned"; readonly step: number } & ToolResult)
  /** A call waits for a decision; the run will end with all that wait. */
  | { readonly _tag: "ApprovalNeeded"; readonly step: number; readonly call: PendingCall }
  /** All calls of a step are answered. */
  | ({ readonly _tag: "StepEnded" } & Step)
