/**
 * Lets the model call functions of the program until it has an answer, with toolkits of `effect/ai`.
 *
 * The model is asked, its calls are run by the handlers of the toolkit, their results are sent back in the order of the calls,
 * and so on until the model answers. Each request is a call of the client like any other: retried, budgeted, booked.
 *
 * | what happens                                                              | what comes of it                      |
 * | ------------------------------------------------------------------------- | ------------------------------------- |
 * | a tool that is not there, arguments that do not fit, a declared failure   | the model is told, shortly            |
 * | a result of more than `maxResult` characters                              | it is cut, with a note                |
 * | the same call with the same arguments in `maxRepeats` steps in a row      | `ToolLoopDetected`                    |
 * | `maxSteps` or `maxCalls` is reached                                       | `MaxStepsReached`, or a last answer   |
 * | a handler fails with an `AiError`, or gives a result that does not encode | the run fails with it                 |
 * | a handler dies                                                            | the run dies, other handlers are interrupted |
 * | a call needs approval                                                     | the run ends with a {@link Pending}   |
 *
 * A failure is declared by the tool's `failure` schema. In a loop it is a result like any other, whatever the `failureMode` of
 * the tool says: the model can often do something about it. To end a run by one use `stopWhen`.
 *
 * **Approvals.** Calls of tools with `needsApproval` wait. Those of the same step that need none are run; then the run ends with
 * a {@link Pending}, plain data that can be stored. Whoever decides makes decisions of its calls ({@link approve},
 * {@link deny}, {@link supply}), and the run is resumed with them, in whatever process: the option `resume` takes the place of
 * the `input`. Each decision holds once, for that call with those arguments. Calls without one are asked again whether they
 * need approval, and stay open if they do. Where somebody can be asked at once, the option `decide` does that, and the run goes on.
 *
 * **Telemetry.** Each call of a tool has a span `execute_tool {name}`. Neither arguments nor results are in it.
 *
 * **Example** (The weather in Bern)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Tool, Toolkit } from "effect/ai"
 * import { Tools } from "effect-openrouter"
 *
 * const Weather = Toolkit.make(Tool.make("weather", {
 *   description: "The weather in a city",
 *   parameters: Schema.Struct({ city: Schema.String }),
 *   success: Schema.String
 * }))
 *
 * const handlers = Weather.toLayer({ weather: ({ city }) => Effect.succeed(`It is sunny in ${city}.`) })
 *
 * const program = Tools.run({ model: "openai/gpt-5", input: "Do I need an umbrella in Bern?", toolkit: Weather }).pipe(
 *   Effect.map((run) => run.text),
 *   Effect.provide(handlers)
 * )
 * ```
 *
 * @since 0.1.0
 */
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { InvalidRequest } from "../domain/error/OpenRouterError.ts"
import type { StreamInterrupted } from "../domain/error/OpenRouterError.ts"
import * as Costs from "../domain/outcome/Costs.ts"
import type { Asking, CreateResponse } from "../domain/request/CreateResponse.ts"
import * as RequestBody from "../domain/request/RequestBody.ts"
import type { Pending } from "../domain/tool/Approval.ts"
import type { ApprovalError } from "../domain/tool/ApprovalError.ts"
import { CurrentDefaults, filled } from "../services/Defaults.ts"
import type { OpenRouter } from "../services/OpenRouter.ts"
import * as ObjectCall from "../services/ObjectCall.ts"
import * as Loop from "./tools/Loop.ts"
import * as Resumption from "./tools/Resumption.ts"
import type { Answered, Options, Resuming, RunError, RunEvent, Stopped } from "./tools/RunOptions.ts"
import * as Toolbox from "./tools/Toolbox.ts"

export { approve, Decision, deny, Pending, PendingCall, supply } from "../domain/tool/Approval.ts"
export { ApprovalError, InvalidDecision, InvalidSignature, ToolkitChanged } from "../domain/tool/ApprovalError.ts"
export { MaxStepsReached, ToolLoopDetected } from "../domain/tool/LoopError.ts"
export { type ApprovalClaims, CurrentApprovalClaims, makeApprovalClaims } from "../services/ApprovalClaims.ts"
export type {
  Answered,
  NextStep,
  Options,
  Resuming,
  RunError,
  RunEvent,
  Step,
  StepChanges,
  Stopped
} from "./tools/RunOptions.ts"
export type { ToolResult } from "./tools/ToolExecution.ts"

/**
 * What a run needs: the client, the handlers of the toolkit and what those need, and what the options need.
 *
 * @since 0.1.0
 */
export type Requirements<Tools extends Record<string, Tool.Any>, RX, RP> =
  | OpenRouter
  | RX
  | Tool.HandlerServices<Tools[keyof Tools]>
  | RP

/**
 * How a run ends, as a value: the model answered, calls wait for a decision, or something stopped it.
 *
 * @since 0.1.0
 */
export type Outcome<A = undefined> = Answered<A> | Pending | Stopped<RunError<A>>

/**
 * How a run that is streamed ends.
 *
 * @since 0.1.0
 */
export type StreamedOutcome<A = undefined> = Answered<A> | Pending | Stopped<RunError<A> | StreamInterrupted>

/**
 * What is seen of a run that is streamed; the last event is `Ended`.
 *
 * @since 0.1.0
 */
export type Event<A = undefined> = RunEvent | { readonly _tag: "Ended"; readonly outcome: StreamedOutcome<A> }

/** Options of a run of any toolkit. */
type AnyOptions =
  & Options<Record<string, Tool.Any>, unknown, unknown, unknown, unknown>
  & (Partial<Asking> | Asking | Resuming)

/**
 * Runs a loop of tool calls, and succeeds with the answer.
 *
 * With a `schema` the answer is decoded into `value`. A run in which calls wait for approval ends with a {@link Pending} in the
 * place of an answer, so whose tools ask for approval looks at `_tag` first. All else that ends a run is a typed error;
 * {@link outcome} keeps what the run has until then.
 *
 * @since 0.1.0
 */
export function run<Tools extends Record<string, Tool.Any>, RX = never, A = undefined, E = unknown, RP = never>(
  options: Options<Tools, RX, A, E, RP> & Asking
): Effect.Effect<Answered<A> | WithoutValue, RunError<A>, Requirements<Tools, RX, RP>>
export function run<Tools extends Record<string, Tool.Any>, RX = never, A = undefined, E = unknown, RP = never>(
  options: Options<Tools, RX, A, E, RP> & Resuming
): Effect.Effect<Answered<A> | WithoutValue, RunError<A> | ApprovalError, Requirements<Tools, RX, RP>>
export function run(options: AnyOptions): Effect.Effect<unknown, unknown, unknown> {
  return Effect.flatMap(
    ended(options, undefined),
    (ended) => ended._tag === "Stopped" ? Effect.fail(ended.error) : Effect.succeed(ended)
  )
}

/**
 * A run that waits; its `value` is not there yet.
 *
 * @since 0.1.0
 */
export interface WithoutValue extends Pending {
  readonly value?: undefined
}

/**
 * Runs a loop of tool calls, and succeeds with how it ended: always with the transcript and the costs, so that a failure in the
 * fifth step does not lose four that are paid.
 *
 * It fails only where a run that is resumed does not begin, because a decision does not hold.
 *
 * **Example** (Going on after a failure)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Tool, Toolkit } from "effect/ai"
 * import { Tools } from "effect-openrouter"
 *
 * const toolkit = Toolkit.make(Tool.make("now", { success: Schema.String }))
 *
 * const program = Effect.gen(function*() {
 *   const first = yield* Tools.outcome({ model: "openai/gpt-5", input: "How late is it?", toolkit })
 *   if (first._tag !== "Stopped" || first.error._tag !== "RateLimited") return first
 *   return yield* Tools.outcome({ model: "openai/gpt-5-mini", input: first.transcript, toolkit })
 * })
 * ```
 *
 * @since 0.1.0
 */
export function outcome<Tools extends Record<string, Tool.Any>, RX = never, A = undefined, E = unknown, RP = never>(
  options: Options<Tools, RX, A, E, RP> & Asking
): Effect.Effect<Outcome<A>, never, Requirements<Tools, RX, RP>>
export function outcome<Tools extends Record<string, Tool.Any>, RX = never, A = undefined, E = unknown, RP = never>(
  options: Options<Tools, RX, A, E, RP> & Resuming
): Effect.Effect<Outcome<A>, ApprovalError, Requirements<Tools, RX, RP>>
export function outcome(options: AnyOptions): Effect.Effect<unknown, unknown, unknown> {
  return ended(options, undefined)
}

/**
 * Runs a loop of tool calls and gives what happens while it goes on: pieces of text, calls, results, approvals that are needed.
 * The last event is `Ended` with the {@link Outcome}, so the stream does not fail where a run does.
 *
 * Who leaves the stream interrupts the run: its handlers, and the request that is on its way. A slow consumer slows it down.
 *
 * **Example** (Text for the screen, and which tool is at work)
 *
 * ```ts
 * import { Console, Effect, Schema, Stream } from "effect"
 * import { Tool, Toolkit } from "effect/ai"
 * import { Tools } from "effect-openrouter"
 *
 * const toolkit = Toolkit.make(Tool.make("now", { success: Schema.String }))
 *
 * const program = Tools.stream({ model: "openai/gpt-5", input: "How late is it?", toolkit }).pipe(
 *   Stream.runForEach((event) =>
 *     event._tag === "TextDelta"
 *       ? Console.log(event.delta)
 *       : event._tag === "ToolCalled"
 *       ? Console.log(`(${event.name} …)`)
 *       : Effect.void
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 */
export function stream<Tools extends Record<string, Tool.Any>, RX = never, A = undefined, E = unknown, RP = never>(
  options: Options<Tools, RX, A, E, RP> & Asking
): Stream.Stream<Event<A>, never, Requirements<Tools, RX, RP>>
export function stream<Tools extends Record<string, Tool.Any>, RX = never, A = undefined, E = unknown, RP = never>(
  options: Options<Tools, RX, A, E, RP> & Resuming
): Stream.Stream<Event<A>, ApprovalError, Requirements<Tools, RX, RP>>
export function stream(options: AnyOptions): Stream.Stream<unknown, unknown, unknown> {
  return Stream.callback<unknown, unknown, unknown>(
    (queue) =>
      Effect.onExit(
        Effect.flatMap(
          ended(options, (event) => Effect.asVoid(Queue.offer(queue, event))),
          (outcome) => Queue.offer(queue, { _tag: "Ended", outcome })
        ),
        (exit) => Exit.isSuccess(exit) ? Queue.end(queue) : Queue.failCause(queue, exit.cause)
      ),
    { bufferSize: maxAhead, strategy: "suspend" }
  )
}

/** How many events a run may be ahead of who looks on. */
const maxAhead = 16

const defaults = { maxSteps: 20, maxCalls: 100, maxRepeats: 3, concurrency: 4, maxResult: 50_000 }

const least = { maxSteps: 1, maxCalls: 0, maxRepeats: 2, concurrency: 1, maxResult: 0 }

/** The limits of a run, or what is wrong with one. */
const limitsOf = (options: AnyOptions): Result.Result<typeof defaults, InvalidRequest> => {
  const limits = { ...defaults }
  for (const name of ["maxSteps", "maxCalls", "maxRepeats", "concurrency", "maxResult"] as const) {
    const value = options[name] ?? defaults[name]
    if (!(value === Infinity || Number.isInteger(value)) || value < least[name]) {
      const message = `${name}: must be a whole number of at least ${least[name]}`
      return Result.fail(new InvalidRequest({ origin: "local", field: name, message }))
    }
    limits[name] = value
  }
  return Result.succeed(limits)
}

/** What is the loop's, and what is OpenRouter's. */
const partsOf = (options: AnyOptions) => {
  const {
    concurrency: _concurrency,
    decide,
    maxCalls: _maxCalls,
    maxRepeats: _maxRepeats,
    maxResult: _maxResult,
    maxSteps: _maxSteps,
    onMaxSteps = "fail",
    prepareStep,
    schema,
    schemaDescription,
    schemaName,
    secret,
    stopWhen,
    toolkit,
    ...others
  } = options
  const { input, resume, ...request }: CreateResponse & Partial<Resuming> = others
  return {
    input,
    limits: limitsOf(options),
    object: schema === undefined ? undefined : { schema, schemaDescription, schemaName },
    request,
    resume,
    settings: { decide, onMaxSteps, prepareStep, secret, stopWhen },
    toolkit
  }
}

const ended = (
  options: AnyOptions,
  emit: Loop.Settings["emit"]
): Effect.Effect<Loop.Ended, ApprovalError, unknown> =>
  Effect.gen(function*() {
    const parts = RequestBody.readable(options, () => partsOf(options))
    if (Result.isFailure(parts)) return unbegun(parts.failure)
    const { input, limits, object, resume, settings, toolkit } = parts.success
    // The tools and the choice of the program's defaults are taken with those of the toolkit.
    const request = filled(parts.success.request, yield* CurrentDefaults)
    if (Result.isFailure(limits)) return unbegun(limits.failure)
    const handlers: Toolkit.WithHandler<Record<string, Tool.Any>> = yield* toolkit
    const toolbox = yield* Effect.result(Toolbox.make(handlers))
    if (Result.isFailure(toolbox)) return unbegun(toolbox.failure)
    const format = object === undefined
      ? Result.succeed(undefined)
      // The input is added for each step.
      : yield* Effect.result(ObjectCall.prepared({ ...request, ...object, input: "" }))
    if (Result.isFailure(format)) return unbegun(format.failure)
    const { provider = request.provider, text = request.text } = format.success?.asked ?? {}
    const from = resume === undefined
      ? yield* Resumption.start(input)
      : yield* Resumption.resume(resume, toolbox.success, settings.secret)
    return yield* Loop.run({
      ...limits.success,
      ...settings,
      toolbox: toolbox.success,
      request: { ...request, provider, text },
      object: format.success === undefined || object === undefined
        ? undefined
        : { schema: object.schema, read: format.success.readAnswer },
      emit
    }, from)
  })

/** A run that stopped before anything was sent. */
const unbegun = (error: InvalidRequest): Loop.Ended => ({
  _tag: "Stopped",
  error,
  text: "",
  transcript: [],
  steps: 0,
  costs: Costs.zero
})
