/**
 * A client for tests: it replies by the book, without HTTP.
 *
 * It is the real client without a transport: it checks requests, runs its replies through middlewares and admissions (so
 * ledgers book them), and turns an error instance into what the real client would do with it. It never retries: the error
 * that a test asks for is the error that the program sees.
 *
 * **Example** (A character idles when its call is refused)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { OpenRouter, OpenRouterError } from "effect-openrouter"
 * import { OpenRouterTest } from "effect-openrouter/testing"
 *
 * const act = OpenRouter.respond({ model: "openai/gpt-5", input: "What does Bob want?" }).pipe(
 *   Effect.map((answer) => answer.text),
 *   Effect.catchTag("Refused", () => Effect.succeed("idles"))
 * )
 *
 * const test = act.pipe(
 *   Effect.provide(OpenRouterTest.layer([
 *     "walks home",
 *     new OpenRouterError.Refused({ message: "no", refusal: "I can't help with that.", source: "model" })
 *   ]))
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as E from "../../domain/error/OpenRouterError.ts"
import type { Usage } from "../../domain/money/Usage.ts"
import * as Usd from "../../domain/money/Usd.ts"
import * as ObjectFormat from "../../domain/object/ObjectFormat.ts"
import * as Outcome from "../../domain/outcome/Outcome.ts"
import type * as CreateResponse from "../../domain/request/CreateResponse.ts"
import type { OutputItem } from "../../domain/response/OutputItem.ts"
import type { Response } from "../../domain/response/Response.ts"
import * as StreamEvent from "../../domain/stream/StreamEvent.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as Deadlines from "../../services/Deadlines.ts"
import * as ObjectCall from "../../services/ObjectCall.ts"
import { CurrentObjectSchema, OpenRouter } from "../../services/OpenRouter.ts"
import type { StreamError } from "../../services/OpenRouter.ts"
import { OpenRouterTest } from "../../services/testing/OpenRouterTest.ts"

import * as Kernel from "../client/Kernel.ts"
import type { Sending } from "../client/Sending.ts"
import type { Ended, EventSource } from "../client/StreamAttempt.ts"

export * from "../../services/testing/OpenRouterTest.ts"

/**
 * An answer in detail, for tests that look at more than the text.
 *
 * @since 0.1.0
 */
export interface Answer {
  readonly _tag: "OpenRouterTest/Answer"
  /** The text of the answer; {@link value} takes its place for a structured one. */
  readonly text?: string | undefined
  /** A value of the asked schema. */
  readonly value?: unknown
  /** Items beside the text, such as function calls. */
  readonly output?: ReadonlyArray<OutputItem> | undefined
  /** Default: no tokens and no cost. */
  readonly usage?: Usage | undefined
  /** Default: the model that was asked for. */
  readonly model?: string | undefined
}

/**
 * Makes an answer in detail.
 *
 * @since 0.1.0
 */
export const answer = (details: Omit<Answer, "_tag">): Answer => ({ ...details, _tag: "OpenRouterTest/Answer" })

/**
 * What a test client replies: a text, an {@link answer}, an error, a value for the schema that `respondObject` asks for, a
 * function of the request (which may give an effect), or a list of these, one for each call.
 *
 * @since 0.1.0
 */
export type Reply =
  | string
  | Answer
  | E.OpenRouterError
  | { readonly [key: string]: unknown }
  | ((request: CreateResponse.CreateResponse) => Reply | Effect.Effect<Reply>)
  | ReadonlyArray<Reply>

/**
 * What the plain endpoints of a test client answer: their JSON by path, such as `{ "/key": { data: { limit: 5 } } }`.
 *
 * @since 0.1.0
 */
export interface Options {
  readonly endpoints?: { readonly [path: string]: unknown } | undefined
}

const defaultEndpoints: NonNullable<Options["endpoints"]> = {
  "/key": { data: { label: "test", limit: null, usage: 0, is_free_tier: false } },
  "/credits": { data: { total_credits: 0, total_usage: 0 } }
}

const maxCalls = 10_000

/**
 * The `OpenRouter` service with given replies, and {@link calls} to see what it was asked.
 *
 * A list is used up in order; a call beyond its end is a defect of the test and dies with the number of the call.
 *
 * @since 0.1.0
 */
export const layer = (reply: Reply, options: Options = {}): Layer.Layer<OpenRouter | OpenRouterTest> =>
  Layer.effectContext(Effect.gen(function*() {
    const calls: Array<CreateResponse.CreateResponse> = []
    const used = yield* Ref.make(0)
    const replyTo = (sending: Sending, request: CreateResponse.CreateResponse): Effect.Effect<Settled> =>
      Effect.andThen(sending.onSent, () => {
        calls.push(request)
        if (calls.length > maxCalls) calls.shift()
        return chosen(reply, request, Ref.getAndUpdate(used, (n) => n + 1))
      })
    const sender: Kernel.Sender = {
      account: "test",
      respond: (sending, request) => Effect.flatMap(replyTo(sending, request), (reply) => toOutcome(reply, request)),
      stream: (sending, request) => Effect.flatMap(replyTo(sending, request), (reply) => toEvents(reply, request)),
      call: (sending, call) =>
        Effect.andThen(sending.onSent, () => {
          const path = call.path.split("?")[0] ?? call.path
          const json = { ...defaultEndpoints, ...options.endpoints }[path]
          return json === undefined
            ? Effect.die(new Error(`OpenRouterTest: ${path} has no answer; pass it in the option "endpoints"`))
            : Effect.fromResult(call.read(
              { status: 200, headers: {}, text: JSON.stringify(json) },
              { attempts: 1, now: 0 }
            ))
        })
    }
    const service = Kernel.make(sender, {
      timeout: Deadlines.defaults.response,
      retries: false,
      // Its models have no price, unless the test gives a list of them.
      prices: options.endpoints?.["/models"] !== undefined
    })
    return Context.make(OpenRouter, service).pipe(
      Context.add(OpenRouterTest, { calls: Effect.sync(() => calls.slice()) })
    )
  }))

/** What a stream says, event by event, and how it ends. */
const toEvents = (
  reply: Settled,
  request: CreateResponse.CreateResponse
): Effect.Effect<EventSource, StreamError> => {
  if (isError(reply) && reply._tag === "StreamInterrupted") {
    return Effect.map(
      completed(answer({ text: reply.partialText ?? "" }), request),
      (outcome) => eventSource(StreamEvent.fromOutcome(outcome).filter(isDelta), Result.fail(reply), false)
    )
  }
  return Effect.map(
    toOutcome(reply, request),
    (outcome) => eventSource(StreamEvent.fromOutcome(outcome), Result.succeed(outcome), true)
  )
}

const isDelta = (event: StreamEvent.StreamEvent): boolean => event.type === "response.output_text.delta"

/** `isTold` says whether the last event tells how the stream ends. */
const eventSource = (events: ReadonlyArray<StreamEvent.StreamEvent>, end: Ended, isTold: boolean): EventSource => {
  let next = 0
  const isOver = () => isTold && next === events.length
  return {
    isOver,
    ended: () => isOver() ? end : undefined,
    generationId: () => Result.isSuccess(end) ? end.success.generationId : end.failure.generationId,
    givenUp: (error) => isOver() ? end : Result.fail(error),
    pull: Effect.suspend((): EventSource["pull"] => {
      const event = events[next]
      if (event === undefined) return Result.isSuccess(end) ? Cause.done(end.success) : Effect.fail(end.failure)
      next++
      return Effect.succeed(Arr.of(event))
    })
  }
}

/** A reply that needs no further choice. */
type Settled = Exclude<Reply, ReadonlyArray<Reply> | ((request: CreateResponse.CreateResponse) => unknown)>

const chosen = (
  reply: Reply,
  request: CreateResponse.CreateResponse,
  next: Effect.Effect<number>
): Effect.Effect<Settled> => {
  if (typeof reply === "string" || isError(reply) || isAnswer(reply)) return Effect.succeed(reply)
  if (isList(reply)) {
    return Effect.flatMap(next, (index) => {
      const item = reply[index]
      return item === undefined
        ? Effect.die(new Error(`OpenRouterTest: call ${index + 1} has no reply; the list has ${reply.length}`))
        : chosen(item, request, next)
    })
  }
  if (isFunction(reply)) {
    const replied = reply(request)
    return !isError(replied) && Effect.isEffect(replied)
      ? Effect.flatMap(replied, (reply) => chosen(reply, request, next))
      : chosen(replied, request, next)
  }
  return Effect.succeed(reply)
}

const isList = (reply: Reply): reply is ReadonlyArray<Reply> => Array.isArray(reply)

const isFunction = (
  reply: Reply
): reply is (request: CreateResponse.CreateResponse) => Reply | Effect.Effect<Reply> => typeof reply === "function"

const isError: (u: unknown) => u is E.OpenRouterError = Schema.is(E.OpenRouterError)

const isAnswer = (u: unknown): u is Answer => Predicate.isTagged(u, "OpenRouterTest/Answer")

const toOutcome = (
  reply: Settled,
  request: CreateResponse.CreateResponse
): Effect.Effect<Outcome.Outcome, E.RequestError> => {
  if (typeof reply === "string") return completed(answer({ text: reply }), request)
  if (isAnswer(reply)) return completed(reply, request)
  return isError(reply) ? ofError(reply, request) : completed(answer({ value: reply }), request)
}

const completed = (
  details: Answer,
  request: CreateResponse.CreateResponse
): Effect.Effect<Outcome.Outcome, E.RequestError> =>
  Effect.flatMap(textOf(details, request), (text) =>
    ended({
      ...answering(request, details),
      status: "completed",
      output: [...messageOf(text, "completed"), ...(details.output ?? [])]
    }))

/** The outcome of a response, as the real client sees it. */
const ended = (response: Response): Effect.Effect<Outcome.Outcome, E.RequestError> =>
  Effect.fromResult(Outcome.fromResponse(response, { headers: {}, attempts: 1, now: 0 }))

/** The text of an answer: a value is written as a model would write it that was asked for the schema. */
const textOf = (details: Answer, request: CreateResponse.CreateResponse): Effect.Effect<string> =>
  details.value === undefined
    ? Effect.succeed(details.text ?? "")
    : Effect.flatMap(Effect.all([CurrentObjectSchema, ObjectCall.CurrentObjectFormats]), ([schema, formats]) => {
      if (schema === undefined) return Effect.succeed(JSON.stringify(details.value))
      const asked = request.text?.format
      const format = ObjectCall.formatOf(schema, !(asked?.type === "json_schema" && asked.strict === false), formats)
      const text = Result.flatMap(format, (format) => ObjectFormat.encodeText(format, schema, details.value))
      return Result.isSuccess(text)
        ? Effect.succeed(text.success)
        : Effect.die(new Error(`OpenRouterTest: the value does not fit the schema: ${text.failure}`))
    })

const answering = (
  request: CreateResponse.CreateResponse,
  known: {
    readonly usage?: Usage | undefined
    readonly cost?: Usd.Usd | undefined
    readonly model?: string | undefined
  }
) => ({
  id: "gen-test",
  object: "response",
  usage: known.usage ?? { inputTokens: 0, outputTokens: 0, totalTokens: 0, cost: known.cost ?? Usd.zero },
  ...Wire.compact({ model: known.model ?? request.model })
})

const messageOf = (text: string, status: string): ReadonlyArray<OutputItem> =>
  text === "" ? [] : [{ type: "message", role: "assistant", status, content: [{ type: "output_text", text }] }]

/** An error that means an answered call becomes that outcome, so that `outcome` gives it and `respond` fails with it. */
const ofError = (
  error: E.OpenRouterError,
  request: CreateResponse.CreateResponse
): Effect.Effect<Outcome.Outcome, E.RequestError> => {
  const known = answering(request, error)
  const partial = messageOf(error.partialText ?? "", "incomplete")
  switch (error._tag) {
    case "Incomplete":
      return ended({
        ...known,
        status: "incomplete",
        incompleteDetails: { reason: error.reason },
        output: partial
      })
    case "Refused":
      return error.source === "model"
        ? ended({
          ...known,
          status: "completed",
          output: [...partial, {
            type: "message",
            role: "assistant",
            content: [{ type: "refusal", refusal: error.refusal }]
          }]
        })
        : Effect.fail(error)
    case "GenerationFailed": {
      const response: Response = { ...known, status: "failed", output: partial }
      return Effect.succeed({
        _tag: "Failed",
        response,
        error,
        attempts: 1,
        generationId: "gen-test",
        ...Wire.compact({ model: response.model, usage: response.usage, cost: response.usage?.cost })
      })
    }
    case "EmptyCompletion":
      return ended({ ...known, status: "completed", output: [] })
    case "InvalidOutput":
      return completed(answer({ text: error.text, usage: known.usage, model: error.model }), request)
    case "StreamInterrupted":
      return Effect.die(new Error(`OpenRouterTest: ${error._tag} cannot happen to this call`))
    default:
      return Effect.fail(error)
  }
}
