/**
 * The loop: the model is asked, its calls are run, their results are sent back, until it answers.
 *
 * Each request is a call of the client like any other, with its retries, gates and budgets. The loop itself repeats nothing.
 *
 * @since 0.1.0
 */
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type { AnswerError } from "../../domain/error/OpenRouterError.ts"
import * as Costs from "../../domain/outcome/Costs.ts"
import * as Outcome from "../../domain/outcome/Outcome.ts"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import * as Input from "../../domain/request/Input.ts"
import type { ToolChoice } from "../../domain/request/Tool.ts"
import * as ShownText from "../../domain/stream/ShownText.ts"
import * as Approval from "../../domain/tool/Approval.ts"
import * as CallHistory from "../../domain/tool/CallHistory.ts"
import { MaxStepsReached, ToolLoopDetected } from "../../domain/tool/LoopError.ts"
import * as ResultText from "../../domain/tool/ResultText.ts"
import * as CostLedger from "../../services/CostLedger.ts"
import type { AnswerFlaw } from "../../services/ObjectCall.ts"
import { CurrentObjectSchema, OpenRouter } from "../../services/OpenRouter.ts"
import type { StreamError } from "../../services/OpenRouter.ts"
import type * as Resumption from "./Resumption.ts"
import type { Answered, NextStep, RunError, RunEvent, Step, StepChanges, Stopped } from "./RunOptions.ts"
import * as StepCalls from "./StepCalls.ts"
import * as ToolExecution from "./ToolExecution.ts"

/**
 * What does not change during a run.
 *
 * @since 0.1.0
 */
export interface Settings extends StepCalls.Settings {
  /** The request without its input. */
  readonly request: CreateResponse
  readonly maxSteps: number
  readonly maxRepeats: number
  readonly onMaxSteps: "fail" | "answer"
  readonly stopWhen?: ((step: Step) => boolean | Effect.Effect<boolean, never, unknown>) | undefined
  readonly prepareStep?: ((next: NextStep) => StepChanges | Effect.Effect<StepChanges, never, unknown>) | undefined
  /** How the answer is read, if a value is wanted. */
  readonly object?: {
    readonly schema: Schema.Codec<unknown, unknown>
    readonly read: (answer: Outcome.Completed) => Result.Result<{ readonly value: unknown }, AnswerFlaw>
  } | undefined
  readonly secret?: Redacted.Redacted | undefined
  /** Who looks on; the model is then asked for streams. */
  readonly emit?: ((event: RunEvent) => Effect.Effect<void>) | undefined
}

/**
 * How a run ends.
 *
 * @since 0.1.0
 */
export type Ended = Answered<unknown> | Approval.Pending | Stopped<RunError<unknown> | StreamError>

/**
 * Runs the loop from a beginning to its end.
 *
 * @since 0.1.0
 */
export const run = (
  settings: Settings,
  from: Resumption.Beginning
): Effect.Effect<Ended, never, unknown> =>
  Effect.flatMap(
    CostLedger.make({ maxScopes: 1, maxUnknownCalls: 0 }),
    (ledger) => ledger.run(looped(settings, from, Effect.map(ledger.report, (report) => Costs.sum(from.costs, report))))
  )

/** An answer of the model, and its calls. */
interface Asking {
  readonly answer: Outcome.Completed
  readonly calls: ReadonlyArray<ToolExecution.Asked>
}

const looped = Effect.fnUntraced(function*(
  settings: Settings,
  from: Resumption.Beginning,
  costs: Effect.Effect<Costs.Costs>
): Effect.fn.Return<Ended, never, unknown> {
  const { object, toolbox } = settings
  const emit = settings.emit ?? (() => Effect.void)
  const names = Array.from(toolbox.tools.keys())
  let { repeats, steps, text, toolCalls, transcript, waiting } = from
  let answer: Outcome.Completed | undefined
  /** After that the model need not call any more. */
  let wasCalled = waiting !== undefined

  const stopped = (error: RunError<unknown> | StreamError): Effect.Effect<Ended> =>
    Effect.map(costs, (costs) => ({ _tag: "Stopped", error, text, transcript, steps, costs }))

  const answered = (endedBy: Answered["endedBy"], value: unknown): Effect.Effect<Ended> =>
    Effect.map(costs, (costs) => ({ _tag: "Answered", text, value, endedBy, answer, transcript, steps, costs }))

  const atLimit = (limit: "maxSteps" | "maxCalls"): Effect.Effect<Ended> =>
    Effect.flatMap(costs, (costs) => {
      const max = settings[limit]
      const message = limit === "maxSteps"
        ? `the model had not answered after ${max} steps`
        : `the model had not answered after ${max} calls of tools`
      return stopped(new MaxStepsReached({ message, limit, max, steps, costs, transcript }))
    })

  /** Asks the model, and takes down what it says. */
  const ask = Effect.fnUntraced(
    function*(mayCall: boolean): Effect.fn.Return<Asking, StreamError | AnswerError, unknown> {
      const given = settings.prepareStep?.({ number: steps + 1, transcript, costs: yield* costs }) ?? {}
      const changes = Effect.isEffect(given) ? yield* given : given
      const { activeTools = names, ...fields } = changes
      const tools = names.flatMap((name) => activeTools.includes(name) ? toolbox.tools.get(name) ?? [] : [])
        .concat(settings.request.tools ?? [])
      const toolChoice = mayCall ? fields.toolChoice ?? choiceOf(settings.request.toolChoice, wasCalled) : "none"
      const request: CreateResponse = {
        ...settings.request,
        ...(transcript.length === 0 ? {} : { input: transcript }),
        ...fields,
        tools: tools.length === 0 ? undefined : tools,
        toolChoice: tools.length === 0 ? undefined : toolChoice
      }
      yield* emit({ _tag: "StepStarted", step: steps + 1 })
      const outcome = yield* Effect.provideService(
        settings.emit === undefined
          ? OpenRouter.use((service) => service.outcome(request))
          : streamed(request, (delta) => emit({ _tag: "TextDelta", step: steps + 1, delta })),
        CurrentObjectSchema,
        object?.schema
      )
      steps++
      if (outcome._tag !== "Completed") return yield* Effect.fail(Outcome.toError(outcome))
      answer = outcome
      text = outcome.text
      transcript = [...transcript, ...outcome.response.output]
      const calls = outcome.functionCalls.map((call) => ToolExecution.read(toolbox, call, activeTools))
      return { answer: outcome, calls }
    }
  )

  /** The end of a run that has its answer. */
  const end = (endedBy: Answered["endedBy"], answer: Outcome.Completed): Effect.Effect<Ended> => {
    const read = object?.read(answer)
    if (read === undefined) return answered(endedBy, undefined)
    return Result.isSuccess(read) ? answered(endedBy, read.success.value) : stopped(read.failure)
  }

  /** One answer in which nothing may be called. */
  const conclude = Effect.fnUntraced(function*(endedBy: "stopWhen" | "maxSteps" | "maxCalls") {
    const asked = yield* Effect.result(ask(false))
    if (Result.isFailure(asked)) return yield* stopped(asked.failure)
    const { answer, calls } = asked.success
    if (calls.length > 0) {
      transcript = [...transcript, ...calls.map((call) => Input.functionCallOutput(call, ResultText.notRun.limit))]
      if (text === "" && endedBy !== "stopWhen") return yield* atLimit(endedBy)
    }
    return yield* end(endedBy, answer)
  })

  const limited = (limit: "maxSteps" | "maxCalls") =>
    settings.onMaxSteps === "answer" ? conclude(limit) : atLimit(limit)

  for (;;) {
    if (waiting === undefined) {
      const asked = yield* Effect.result(ask(true))
      if (Result.isFailure(asked)) return yield* stopped(asked.failure)
      const { answer, calls } = asked.success
      if (calls.length === 0) return yield* end("model", answer)
      repeats = CallHistory.next(repeats, calls)
      const stuck = calls.find((call) => (repeats[CallHistory.keyOf(call)] ?? 0) >= settings.maxRepeats)
      if (stuck !== undefined) {
        transcript = [...transcript, ...calls.map((call) => Input.functionCallOutput(call, ResultText.notRun.repeated))]
        return yield* stopped(
          new ToolLoopDetected({
            message: `the model asked for the same call of ${stuck.name} in ${settings.maxRepeats} steps in a row`,
            tool: stuck.name,
            repeats: settings.maxRepeats,
            steps,
            costs: yield* costs,
            transcript
          })
        )
      }
      waiting = { calls, settled: new Map(), decisions: new Map() }
    }

    const answers = yield* StepCalls.answer(settings, waiting, {
      place: { id: from.id, steps },
      transcript,
      toolCalls,
      emit
    })
    waiting = undefined
    wasCalled = true
    toolCalls = answers.toolCalls
    if (answers.open.length > 0 && answers.failure === undefined) {
      const pending: Approval.Pending = {
        _tag: "Pending",
        version: 1,
        id: from.id,
        fingerprint: toolbox.fingerprint,
        text,
        calls: answers.open,
        transcript,
        settled: answers.outputs,
        steps,
        toolCalls,
        repeats,
        costs: yield* costs
      }
      return settings.secret === undefined ? pending : Approval.sign(pending, Redacted.value(settings.secret))
    }
    transcript = [...transcript, ...answers.outputs]
    if (answers.failure !== undefined) return yield* stopped(answers.failure)
    const done: Step = { number: steps, text, results: answers.results, transcript, costs: yield* costs }
    yield* emit({ _tag: "StepEnded", ...done })
    const isEnough = settings.stopWhen?.(done) ?? false
    if (Effect.isEffect(isEnough) ? yield* isEnough : isEnough) {
      return yield* object === undefined ? answered("stopWhen", undefined) : conclude("stopWhen")
    }
    if (answers.isOverLimit) return yield* limited("maxCalls")
    if (steps >= settings.maxSteps) return yield* limited("maxSteps")
  }
})

/** A choice that makes the model call would have no end. */
const choiceOf = (choice: ToolChoice | undefined, wasCalled: boolean): ToolChoice | undefined => {
  if (!wasCalled || choice === undefined || choice === "none") return choice
  return typeof choice === "object" && choice.type === "allowed_tools" ? { ...choice, mode: "auto" } : "auto"
}

/** Asks for a stream, and shows its text as it arrives. */
const streamed = (
  request: CreateResponse,
  onText: (delta: string) => Effect.Effect<void>
): Effect.Effect<Outcome.Outcome, StreamError, OpenRouter> =>
  OpenRouter.use((service) => {
    const shown = ShownText.make()
    const show = (text: string) => text === "" ? Effect.void : onText(text)
    return Effect.tap(
      Channel.runForEach(service.events(request), (events) =>
        Effect.forEach(events, (event) => show(shown.next(event)), { discard: true })),
      (outcome) =>
        outcome._tag === "Completed" ? show(shown.rest(outcome.text)) : Effect.void
    )
  })
