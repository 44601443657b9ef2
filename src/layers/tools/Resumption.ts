/**
 * Where a run begins: with an input, or where a former one ended, if the decisions hold.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Costs from "../../domain/outcome/Costs.ts"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import * as Input from "../../domain/request/Input.ts"
import type { FunctionCall } from "../../domain/response/OutputItem.ts"
import * as Approval from "../../domain/tool/Approval.ts"
import { InvalidDecision, InvalidSignature, ToolkitChanged } from "../../domain/tool/ApprovalError.ts"
import type { ApprovalError } from "../../domain/tool/ApprovalError.ts"
import type { Repeats } from "../../domain/tool/CallHistory.ts"
import { CurrentApprovalClaims } from "../../services/ApprovalClaims.ts"
import { CurrentRunHooks } from "./RunHooks.ts"
import type { Resuming } from "./RunOptions.ts"
import type * as Toolbox from "./Toolbox.ts"
import * as ToolExecution from "./ToolExecution.ts"

/**
 * Calls of a step that are not answered yet, and what is known of them.
 *
 * @since 0.1.0
 */
export interface Waiting {
  /** All calls of the step, in the order in which the model asked. */
  readonly calls: ReadonlyArray<ToolExecution.Asked>
  /** Results that are there already, by the id of the call. */
  readonly settled: ReadonlyMap<string, Input.FunctionCallOutput>
  readonly decisions: ReadonlyMap<string, Approval.Decision>
}

/**
 * The state of a run between two steps, or within one.
 *
 * @since 0.1.0
 */
export interface Beginning {
  readonly id: string
  readonly transcript: ReadonlyArray<Input.InputItem>
  readonly text: string
  readonly steps: number
  readonly toolCalls: number
  readonly repeats: Repeats
  readonly costs: Costs.Costs
  readonly waiting?: Waiting | undefined
}

/**
 * A new run.
 *
 * @since 0.1.0
 */
export const start = (input: CreateResponse["input"]): Effect.Effect<Beginning> =>
  Effect.map(Effect.flatMap(CurrentRunHooks, (hooks) => hooks?.id ?? newId), (id) => ({
    id,
    transcript: typeof input === "string" ? [Input.user(input)] : input ?? [],
    text: "",
    steps: 0,
    toolCalls: 0,
    repeats: {},
    costs: Costs.zero
  }))

/** 128 bits. */
const newId = Effect.map(
  Effect.all(Array.from({ length: 4 }, () => Random.nextIntBetween(0, 0xffffffff))),
  (words) => words.map((word) => word.toString(16).padStart(8, "0")).join("")
)

/**
 * A run that goes on: the value is what was stored, the toolkit the same, and each decision holds for a call that waits; then
 * the decisions are claimed, all or none.
 *
 * @since 0.1.0
 */
export const resume = Effect.fnUntraced(function*(
  { decisions, pending }: Resuming["resume"],
  toolbox: Toolbox.Toolbox,
  secret: Redacted.Redacted | undefined
): Effect.fn.Return<Beginning, ApprovalError> {
  if (secret === undefined && pending.signature !== undefined) {
    return yield* new InvalidSignature({ message: "the pending run was signed; give the secret to resume it" })
  }
  if (secret !== undefined && !Approval.isSigned(pending, Redacted.value(secret))) {
    return yield* new InvalidSignature({
      message: "the pending run was not signed with this secret, or was changed since"
    })
  }
  if (pending.fingerprint !== toolbox.fingerprint) {
    return yield* new ToolkitChanged({
      message: "the toolkit has other tools or takes other arguments than the one of the pending run"
    })
  }
  const names = Array.from(toolbox.tools.keys())
  const calls = lastCalls(pending.transcript).map((item) => ToolExecution.read(toolbox, item, names))
  const settled = new Map(pending.settled.map((output) => [output.callId, output]))
  const byId = new Map<string, Approval.Decision>()
  for (const decision of decisions) {
    const { callId } = decision
    const problem = byId.has(callId) ? "used" : problemOf(decision, pending, calls)
    if (problem !== undefined) {
      return yield* new InvalidDecision({ reason: problem, callId, message: `${callId}: ${explained[problem]}` })
    }
    byId.set(callId, decision)
  }
  const claims = yield* CurrentApprovalClaims
  if (byId.size > 0 && !(yield* claims.claim(Array.from(byId.keys(), keyIn(pending))))) {
    return yield* new InvalidDecision({ reason: "used", message: "one of the calls was decided before" })
  }
  const { costs, id, repeats, steps, text, toolCalls, transcript } = pending
  return { id, transcript, text, steps, toolCalls, repeats, costs, waiting: { calls, settled, decisions: byId } }
})

/** The calls of the last step: those that came after all results. */
const lastCalls = (transcript: ReadonlyArray<Input.InputItem>): ReadonlyArray<FunctionCall> =>
  transcript
    .slice(transcript.findLastIndex(({ type }) => type === "function_call_output") + 1)
    .filter((item) => item.type === "function_call")

/** Why a decision does not hold. What is stored twice of a call has to agree with what was decided on. */
const problemOf = (
  { callId, hash }: Approval.Decision,
  pending: Approval.Pending,
  calls: ReadonlyArray<ToolExecution.Asked>
): keyof typeof explained | undefined => {
  const call = calls.find((call) => call.callId === callId)
  const listed = pending.calls.find((call) => call.callId === callId)
  if (call === undefined || listed === undefined) {
    return pending.transcript.some((item) => item.type === "function_call" && item.callId === callId)
      ? "used"
      : "foreign"
  }
  return hash === Approval.hashOf(pending, listed) && hash === hashOf(pending, call) ? undefined : "changed"
}

const keyIn = ({ id, steps }: Approval.Place) => (callId: string): string => `${id}/${steps}/${callId}`

/**
 * The hash of a call of a run.
 *
 * @since 0.1.0
 */
export const hashOf = (place: Approval.Place, call: ToolExecution.Asked): string =>
  Approval.hashOf(place, {
    callId: call.callId,
    name: call.name,
    arguments: ToolExecution.toJson(call.arguments)
  })

const explained = {
  foreign: "no call of this id waits in this run",
  used: "the call was decided before",
  changed: "the decision was made for another tool or other arguments"
}
