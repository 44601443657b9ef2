/**
 * The calls of one step: each is decided on, run, or left open, at the same time as the others and bounded.
 *
 * @since 0.1.0
 */
import type * as AiError from "effect/ai/AiError"
import * as Effect from "effect/Effect"
import * as Input from "../../domain/request/Input.ts"
import type * as Approval from "../../domain/tool/Approval.ts"
import type { PendingCall } from "../../domain/tool/Approval.ts"
import * as ResultText from "../../domain/tool/ResultText.ts"
import * as Resumption from "./Resumption.ts"
import type { RunEvent } from "./RunOptions.ts"
import * as Toolbox from "./Toolbox.ts"
import * as ToolExecution from "./ToolExecution.ts"

/**
 * What holds for the calls of all steps.
 *
 * @since 0.1.0
 */
export interface Settings {
  readonly toolbox: Toolbox.Toolbox
  readonly maxCalls: number
  readonly concurrency: number
  readonly maxResult: number
  readonly decide?:
    | ((call: PendingCall) => Effect.Effect<Approval.Decision | undefined, never, unknown>)
    | undefined
}

/**
 * What came of the calls of a step.
 *
 * @since 0.1.0
 */
export interface Answers {
  /** Of the calls that were answered now, in the order in which the model asked. */
  readonly results: ReadonlyArray<ToolExecution.ToolResult>
  /** Of all calls that are answered, in the same order. */
  readonly outputs: ReadonlyArray<Input.FunctionCallOutput>
  /** Calls that wait for a decision. */
  readonly open: ReadonlyArray<PendingCall>
  /** How many calls of the run were run so far. */
  readonly toolCalls: number
  /** Whether there were more than may be run. */
  readonly isOverLimit: boolean
  /** What ends the run. Calls that were not answered then are answered by it. */
  readonly failure?: AiError.AiError | undefined
}

/**
 * Answers the calls of a step.
 *
 * @since 0.1.0
 */
export const answer = Effect.fnUntraced(function*(
  settings: Settings,
  { calls, decisions, settled }: Resumption.Waiting,
  run: {
    readonly place: Approval.Place
    readonly transcript: ReadonlyArray<Input.InputItem>
    readonly toolCalls: number
    readonly emit: (event: RunEvent) => Effect.Effect<void>
  }
): Effect.fn.Return<Answers, never, unknown> {
  const { toolbox } = settings
  const { emit, place, transcript } = run
  const step = place.steps
  const results = new Map<string, ToolExecution.ToolResult>()
  const open = new Map<string, PendingCall>()
  let { toolCalls } = run
  let isOverLimit = false

  /** The decision about a call, from before or from who is asked now; `"open"` if it needs one and there is none. */
  const decided = Effect.fnUntraced(function*(call: ToolExecution.Asked) {
    const decision = decisions.get(call.callId)
    if (decision?._tag === "Deny" || decision?._tag === "Supply") return decision
    const { encoded, problem } = chosenOf(toolbox, call, decision)
    const isNeeded = problem === undefined && (yield* Toolbox.needsApproval(toolbox, call, encoded, transcript))
    if (!isNeeded || decision !== undefined) return decision
    const pending = pendingOf(place, call)
    yield* emit({ _tag: "ApprovalNeeded", step, call: pending })
    const now = settings.decide === undefined ? undefined : yield* settings.decide(pending)
    if (now === undefined) open.set(call.callId, pending)
    return now ?? "open"
  })

  const answerOne = Effect.fnUntraced(function*(call: ToolExecution.Asked) {
    const { callId, name } = call
    if (settled.has(callId)) return
    const decision = yield* decided(call)
    if (decision === "open") return
    const chosen = chosenOf(toolbox, call, decision)
    let result = withoutRunning(call, decision)
    if (result === undefined && chosen.problem === undefined) {
      if (toolCalls < settings.maxCalls) toolCalls++
      else {
        isOverLimit = true
        result = ToolExecution.without(call, ResultText.notRun.limit)
      }
    }
    if (result === undefined) {
      yield* emit({ _tag: "ToolCalled", step, callId, name, arguments: chosen.arguments })
      result = yield* ToolExecution.execute(
        toolbox,
        chosen,
        (result) => emit({ _tag: "ToolProgressed", step, callId, name, result })
      )
    }
    const output = chosen === call ? result.output : noted(result.output, chosen)
    const told = { ...result, output: ResultText.cut(output, settings.maxResult) }
    results.set(callId, told)
    yield* emit({ _tag: "ToolReturned", step, ...told })
  })

  const failure = yield* Effect.forEach(calls, answerOne, { concurrency: settings.concurrency, discard: true }).pipe(
    Effect.match({ onFailure: (error: AiError.AiError) => error, onSuccess: () => undefined })
  )

  const outputOf = (call: ToolExecution.Asked): ReadonlyArray<Input.FunctionCallOutput> => {
    const former = settled.get(call.callId)
    if (former !== undefined) return [former]
    const output = results.get(call.callId)?.output ?? (failure === undefined ? undefined : ResultText.notRun.stopped)
    return output === undefined ? [] : [Input.functionCallOutput(call, output)]
  }
  return {
    results: calls.flatMap(({ callId }) => results.get(callId) ?? []),
    outputs: calls.flatMap(outputOf),
    open: calls.flatMap(({ callId }) => open.get(callId) ?? []),
    toolCalls,
    isOverLimit,
    failure
  }
})

const pendingOf = (place: Approval.Place, call: ToolExecution.Asked): PendingCall => ({
  callId: call.callId,
  name: call.name,
  arguments: ToolExecution.toJson(call.arguments),
  hash: Resumption.hashOf(place, call)
})

/** A call as it was approved. */
const chosenOf = (
  toolbox: Toolbox.Toolbox,
  call: ToolExecution.Asked,
  decision: Approval.Decision | undefined
): ToolExecution.Asked =>
  decision?._tag !== "Approve" || decision.arguments === undefined
    ? call
    : { ...call, arguments: decision.arguments, encoded: toolbox.toEncoded(call.name, decision.arguments) }

/** The result of a call that was decided on so that it does not run. */
const withoutRunning = (
  call: ToolExecution.Asked,
  decision: Approval.Decision | undefined
): ToolExecution.ToolResult | undefined => {
  if (decision?._tag === "Deny") {
    const { reason } = decision
    return ToolExecution.without(
      call,
      ResultText.ofFailure(reason === undefined ? "this call was denied" : `this call was denied: ${reason}`)
    )
  }
  if (decision?._tag !== "Supply") return undefined
  const { callId, name } = call
  const { result } = decision
  return { callId, name, arguments: call.arguments, isFailure: false, result, output: ResultText.ofJson(result) }
}

/** The model has to know that it was not its own arguments that were used. */
const noted = (output: ResultText.Output, chosen: ToolExecution.Asked): ResultText.Output => {
  const note = `[called with other arguments: ${ResultText.ofJson(chosen.arguments)}]\n`
  return typeof output === "string" ? `${note}${output}` : [Input.text(note), ...output]
}
