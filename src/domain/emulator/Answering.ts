/**
 * A call for an answer, from the raw body to the billed answer, in one piece or as a stream. What endpoints have in common is
 * here; how each spells questions and answers is its {@link Dialect}.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Answer from "./Answer.ts"
import * as AnswerCache from "./AnswerCache.ts"
import * as Distortion from "./Distortion.ts"
import * as Draw from "./Draw.ts"
import * as Events from "./Events.ts"
import {
  type Context,
  type Decision,
  delayOf,
  interrupt,
  send,
  sendFault,
  type State,
  type Step,
  stream
} from "./Exchange.ts"
import * as Gate from "./Gate.ts"
import * as Ledger from "./Ledger.ts"
import * as Price from "./Price.ts"
import type { JsonObject } from "./Prompt.ts"
import * as Recent from "./Recent.ts"
import * as Reply from "./Reply.ts"
import * as Request from "./Request.ts"
import * as Response from "./ResponseDocument.ts"
import type * as Rule from "./Rule.ts"
import * as Script from "./Script.ts"
import * as Streaming from "./Streaming.ts"

/**
 * How an endpoint spells questions and answers. The words of the emulator itself are those of `POST /responses`.
 *
 * @since 0.1.0
 */
export interface Dialect {
  /** Reads a question; `body` of the request is spelt as for `POST /responses`. */
  readonly parse: (json: unknown) => Result.Result<Request.Request, Request.Problem>
  /** An answer, of the response object. */
  readonly document: (response: JsonObject) => JsonObject
  /** What is sent for the events of an answer, of the response object. Absent: themselves. */
  readonly events?: (response: JsonObject) => Script.ToWire
}

/**
 * That of `POST /responses`.
 *
 * @since 0.1.0
 */
export const responses: Dialect = { parse: Request.parse, document: (response) => response }

/**
 * Serves a request whose key was accepted.
 *
 * @since 0.1.0
 */
export const respond = (dialect: Dialect) => (context: Context, state: State): Step => {
  const { arrival, config, json } = context
  const fail = (status: number, message: string, errorType: string): Step => [
    sendFault(context, Reply.failure(status, { message, errorType })),
    state
  ]
  if (arrival.body === undefined) {
    return fail(413, `The request body is larger than ${config.maxBodyBytes} bytes.`, "payload_too_large")
  }
  if (json === undefined) return fail(400, "The request body is not valid JSON.", "invalid_request")
  const parsed = dialect.parse(json)
  if (Result.isFailure(parsed)) return fail(400, parsed.failure.message, "invalid_request")
  const request = parsed.success
  let current = state
  let decision: Decision | undefined = undefined
  for (const [index, model] of request.models.entries()) {
    const [outcome, next] = candidate(dialect, context, current, request, model)
    current = next
    const isLast = index === request.models.length - 1
    if (outcome._tag === "Send" && outcome.status >= 400 && !isLast) continue
    decision = outcome
    break
  }
  return decision === undefined ? fail(400, "No model was given.", "invalid_request") : [decision, current]
}

/** One model's turn. */
const candidate = (
  dialect: Dialect,
  original: Context,
  state: State,
  request: Request.Request,
  model: string
): Step => {
  const { config, key, now } = original
  const context: Context = { ...original, latency: config.latencyOf(model) }
  const draw = Answer.drawOf(config.seed, model, request)
  const attempt = (Recent.get(state.attempts, Draw.toKey(draw)) ?? 0) + 1
  const id = generationId(draw, attempt, original)
  const call: Rule.Call = {
    path: context.path,
    key: Ledger.keyLabel(key),
    model,
    text: request.text,
    attempt,
    body: Predicate.isObject(context.json) ? context.json : {}
  }
  const gate = Gate.admit(context, state, call)
  if (Result.isFailure(gate)) return [sendFault(context, gate.failure.failure, id), gate.failure.state]
  const { price } = gate.success
  const admitted: State = {
    ...gate.success.state,
    attempts: Recent.set(state.attempts, Draw.toKey(draw), attempt)
  }
  const reply = gate.success.reply ?? Reply.answer()
  if (Reply.isInterruption(reply)) {
    const decision = interrupt(context, reply, id, request.stream)
    const isBilled = (reply._tag === "Hang" || reply._tag === "Disconnect") && reply.billed === true
    if (!isBilled) return [decision, admitted]
    const lost = Answer.make(request, draw, Reply.answer())
    const charge = chargeOf(price, lost)
    const seconds = Math.floor(now / 1000)
    const body = Response.make(request, lost, { id, model, createdAt: seconds, completedAt: seconds, charge })
    const known = request.stream ? decision : { ...decision, lost: send(context, dialect.document(body), {}, id) }
    return [known, bill(admitted, entryOf(context, request, model, id, lost, charge))]
  }
  const answer = Answer.make(request, draw, reply)
  const settled = Gate.settle(context, admitted, call, answer.inputTokens + answer.outputTokens)
  const charge = chargeOf(price, answer)
  const body = Response.make(request, answer, {
    id,
    model,
    createdAt: Math.floor(now / 1000),
    completedAt: Math.floor((now + delayOf(context, reply)) / 1000),
    charge
  })
  const entry = answer.billed ? entryOf(context, request, model, id, answer, charge) : undefined
  const form = request.stream ? Streaming.toForm(config.stream, reply.stream) : undefined
  if (form === undefined || form.as === "json") {
    return [send(context, dialect.document(body), reply, id), bill(settled, entry)]
  }
  const told = (body: JsonObject) => {
    const events = Distortion.apply(Events.make(body, answer.items, form), body, form)
    const toWire = dialect.events
    return Script.ofEvents(events, form, reply, toWire === undefined ? undefined : () => toWire(body))
  }
  const billed = entry !== undefined && Streaming.isBilled(form)
    ? { ...entry, finishReason: form.ending?._tag === "Error" ? "error" : entry.finishReason }
    : undefined
  const decision = stream(context, told(body), reply, id)
  if (form.ending !== undefined || decision._tag !== "Stream") return [decision, bill(settled, billed)]
  /** The same events about the same answer, by another id, for nothing. */
  const again = (id: string) => told(AnswerCache.free(body, id))
  return [{ ...decision, again }, bill(settled, billed)]
}

const chargeOf = (price: Price.TokenPrice, answer: Answer.Answer): Price.Charge =>
  answer.billed ? Price.charge(price, answer.inputTokens, answer.outputTokens) : Price.nothing

const entryOf = (
  context: Context,
  request: Request.Request,
  model: string,
  id: string,
  answer: Answer.Answer,
  charge: Price.Charge
): Ledger.Entry => ({
  id,
  key: context.key,
  model,
  createdAt: context.now,
  inputTokens: answer.inputTokens,
  outputTokens: answer.outputTokens,
  reasoningTokens: answer.reasoningTokens,
  cost: charge.total,
  finishReason: answer.status === "completed" ? "stop" : answer.status === "failed" ? "error" : "length",
  streamed: request.stream,
  cancelled: false
})

/** A generation is billed when it starts: a caller who leaves before the answer arrives still pays for it. */
const bill = (state: State, entry: Ledger.Entry | undefined): State =>
  entry === undefined ? state : { ...state, books: Ledger.charge(state.books, entry) }

const generationId = (draw: Draw.Draw, attempt: number, { now, path }: Context): string =>
  `gen-${path === "/batches" ? "batch-" : ""}${Math.floor(now / 1000)}-${
    Draw.identifier(Draw.child(draw, `generation ${attempt}`), 20)
  }`
