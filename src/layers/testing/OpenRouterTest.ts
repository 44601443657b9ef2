/**
 * A client for tests: it replies by the book, without HTTP.
 *
 * It is the real client without a transport: it checks requests, runs its replies through middlewares and admissions (so
 * ledgers book them, budgets hold, and a gate that it is given lets calls pass), and turns an error instance into what the
 * real client would do with it. Unless asked to it never retries: the error that a test asks for is the error that the
 * program sees. What is wrong with the test itself (a reply that does not fit, a call without a reply, replies that nobody
 * asked for) is a defect whose message says what to mend.
 *
 * **Example** (A character idles when its call is refused)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 * import { OpenRouterTest } from "effect-openrouter/testing"
 *
 * const act = OpenRouter.respond({ model: "openai/gpt-5", input: "What does Bob want?" }).pipe(
 *   Effect.map((answer) => answer.text),
 *   Effect.catchTag("Refused", () => Effect.succeed("idles"))
 * )
 *
 * const test = act.pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.refused("I can't help with that."))))
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Call } from "../../domain/endpoint/Call.ts"
import { RequestError } from "../../domain/error/OpenRouterError.ts"
import type * as Usd from "../../domain/money/Usd.ts"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import * as Deadlines from "../../services/Deadlines.ts"
import { CurrentObjectSchema, OpenRouter } from "../../services/OpenRouter.ts"
import { RateGate } from "../../services/RateGate.ts"
import { OpenRouterTest } from "../../services/testing/OpenRouterTest.ts"
import * as Kernel from "../client/Kernel.ts"
import type { Sending } from "../client/Sending.ts"
import * as AutoReply from "./AutoReply.ts"
import * as ReplyEvents from "./ReplyEvents.ts"
import type { Asking } from "./ReplyOutcome.ts"
import * as Shown from "./Shown.ts"
import { TestFailure } from "./TestFailure.ts"
import { answer, isError, settled } from "./TestReply.ts"
import type { Answer, Settled } from "./TestReply.ts"
import * as TestScript from "./TestScript.ts"
import type { Next, Script } from "./TestScript.ts"

export * from "../../services/testing/OpenRouterTest.ts"
export { expectEqual, expectError, expectOutcome, extendExpect } from "./Expectations.ts"
export type { Expect } from "./Expectations.ts"
export {
  accessDenied,
  budgetExceeded,
  connectionFailed,
  contextLengthExceeded,
  empty,
  failed,
  incomplete,
  interrupted,
  invalidApiKey,
  invalidOutput,
  invalidRequest,
  malformedResponse,
  modelUnavailable,
  payloadTooLarge,
  paymentRequired,
  providerOverloaded,
  providerTimeout,
  providerUnavailable,
  rateLimited,
  refused,
  serverError,
  timedOut,
  unexpectedStatus
} from "./ReadyErrors.ts"
export type { ErrorDetails, HintDetails } from "./ReadyErrors.ts"
export { request as showRequest, value as show } from "./Shown.ts"
export { TestFailure } from "./TestFailure.ts"
export { answer, pause, stream, toolCall, value } from "./TestReply.ts"
export type { Answer, Details, Pause, Piece, Reply, TextStream, ToolCall, Value } from "./TestReply.ts"
export { byModel, byRequest, bySchema, forever, orElse } from "./TestScript.ts"
export type { Asked, Case, Cases, Forever, Script } from "./TestScript.ts"

/**
 * How a test client differs from the usual one.
 *
 * @since 0.1.0
 */
export interface Options {
  /**
   * What the plain endpoints answer: their JSON by path, such as `{ "/key": { data: { limit: 5 } } }`, or an error. `/key` and
   * `/credits` have an answer without it; with `/models` the client knows prices, for budgets.
   */
  readonly endpoints?: { readonly [path: string]: unknown } | undefined
  /** True: errors are tried again as `RetryPolicy` says, each attempt with the next reply. Default false. */
  readonly retries?: boolean | undefined
  /** True: replies of a list that nobody asked for are no failure. Default false. */
  readonly allowUnused?: boolean | undefined
}

const defaultEndpoints: NonNullable<Options["endpoints"]> = {
  "/key": { data: { label: "test", limit: null, usage: 0, is_free_tier: false } },
  "/credits": { data: { total_credits: 0, total_usage: 0 } }
}

const maxCalls = 10_000

/** One says what to mend, and more of them say hardly more. */
const maxTroubles = 3

/**
 * The `OpenRouter` service with given replies, and {@link calls} to see what it was asked.
 *
 * A list is used up in order. A call that finds no reply dies with a message that shows the call; if the program catches that
 * and goes on, closing the layer fails, and so it does when replies are left that nobody asked for (`allowUnused` says that
 * they may be), unless the program has failed anyway. A `RateGate` that is in the context of the layer is asked as the real
 * client asks its own; without one there is none.
 *
 * @since 0.1.0
 */
export const layer = (script: Script, options: Options = {}): Layer.Layer<OpenRouter | OpenRouterTest> =>
  layerOf(() => TestScript.start(script), options)

/**
 * How {@link layerAuto} answers.
 *
 * @since 0.1.0
 */
export interface AutoOptions {
  /** Another seed, other answers. Default 0. */
  readonly seed?: number | undefined
  /** What each call costs, such as `"0.002"`. Default nothing. */
  readonly cost?: Usd.Input | undefined
  /** How long each call takes, by the clock of the caller. Default no time. */
  readonly latency?: Duration.Input | undefined
}

/**
 * A reply that fits whatever is asked, as {@link layerAuto} gives it: for the calls of a script that a test has no wish for.
 *
 * **Example** (Everything goes well but for Ann)
 *
 * ```ts
 * import { OpenRouterTest } from "effect-openrouter/testing"
 *
 * const test = OpenRouterTest.layer(
 *   OpenRouterTest.byRequest([({ instructions }) => instructions === "You are Ann.", OpenRouterTest.refused("no")]).pipe(
 *     OpenRouterTest.orElse(OpenRouterTest.auto({ seed: 7 }))
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 */
export const auto =
  ({ cost, latency, seed = 0 }: AutoOptions = {}): (request: CreateResponse) => Effect.Effect<Answer> => (request) => {
    const made = Effect.flatMap(
      CurrentObjectSchema,
      (schema) => Effect.map(AutoReply.text({ request, schema }, seed), (text) => answer({ text, cost }))
    )
    return latency === undefined ? made : Effect.delay(made, latency)
  }

/**
 * The `OpenRouter` service without a script: a structured call gets a value of its schema, any other a sentence or two.
 *
 * An answer depends on the seed and on the request alone, so a simulation tells the same story each time, in whatever order its
 * calls arrive; two equal requests get equal answers. It never calls a tool. {@link auto} does the same for a part of a script.
 *
 * **Example** (A character decides something)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 * import { OpenRouterTest } from "effect-openrouter/testing"
 *
 * const Intention = Schema.Struct({ action: Schema.String, goTo: Schema.Literals(["the inn", "the mill"]) })
 *
 * const test = OpenRouter.respondObject({ model: "openai/gpt-5", input: "What does Bob want?", schema: Intention }).pipe(
 *   Effect.map(({ value }) => value.goTo),
 *   Effect.provide(OpenRouterTest.layerAuto({ seed: 7 }))
 * )
 * ```
 *
 * @since 0.1.0
 */
export const layerAuto = (
  { endpoints, ...options }: AutoOptions & Pick<Options, "endpoints"> = {}
): Layer.Layer<OpenRouter | OpenRouterTest> => layer(auto(options), { endpoints })

/**
 * The `OpenRouter` service of a test that must not call a model: any call dies and shows what was asked, and if the program
 * catches that and goes on, closing the layer fails.
 *
 * @since 0.1.0
 */
export const layerForbidden: Layer.Layer<OpenRouter | OpenRouterTest> = /* @__PURE__ */ Layer.suspend(() =>
  layerOf(() => ({ next: () => ({ _tag: "None", reason: forbidden }), unused: () => [] }), {}, forbidden)
)

const forbidden = "this test forbids calls (layerForbidden)"

/** One layer for all: they differ in where replies come from. */
const layerOf = (
  start: () => TestScript.Running,
  options: Options,
  /** Why no endpoint answers. */
  forbids?: string
): Layer.Layer<OpenRouter | OpenRouterTest> =>
  Layer.effectContext(Effect.gen(function*() {
    const calls: Array<CreateResponse> = []
    const troubles: Array<string> = []
    const script = start()
    let count = 0

    /** Remembers what is wrong with the test, should the program go on after it. */
    const watched = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.tapDefect(self, (defect) =>
        Effect.sync(() => {
          if (defect instanceof TestFailure && troubles.length < maxTroubles) troubles.push(defect.message)
        }))

    /** What is wrong with a test whose program has ended well. */
    yield* closing(() => [
      ...troubles.map((message) => `the program went on after this, which no test should pass over:\n${message}`),
      ...(options.allowUnused === true ? [] : script.unused()).map((line) => `replies that nobody asked for: ${line}`)
    ])

    const replyTo = (sending: Sending, request: CreateResponse) =>
      Effect.flatMap(Effect.andThen(sending.onSent, CurrentObjectSchema), (schema) => {
        calls.push(request)
        if (calls.length > maxCalls) calls.shift()
        const number = ++count
        const next = script.next({ request, schema })
        return next._tag === "None"
          ? mistaken(`call ${number} has no reply: ${next.reason}\nthe call: ${Shown.request(request)}`)
          : Effect.map(
            chosen(
              next,
              request,
              () => mistaken(`the test's reply to call ${number} is undefined\nthe call: ${Shown.request(request)}`)
            ),
            (reply) => ({ reply, asking: { number, request, schema } satisfies Asking })
          )
      })

    const call = <A>(sending: Sending, call: Call<A>): Effect.Effect<A, RequestError> =>
      Effect.andThen(sending.onSent, () => {
        if (forbids !== undefined) return mistaken(`${call.name} has no answer: ${forbids}`)
        const path = call.path.split("?")[0] ?? call.path
        const json = { ...defaultEndpoints, ...options.endpoints }[path]
        if (json === undefined) {
          return mistaken(
            `${call.name} has no answer: give its JSON in the option endpoints, as ${JSON.stringify(path)}`
          )
        }
        return isRequestError(json) ? Effect.fail(json) : Effect.fromResult(call.read(
          { status: 200, headers: {}, text: JSON.stringify(json) },
          { attempts: 1, now: 0 }
        ))
      })

    const service = Kernel.make({
      account: "test",
      respond: (sending, request) =>
        sending.guard(watched(
          Effect.flatMap(replyTo(sending, request), ({ asking, reply }) => ReplyEvents.whole(reply, asking))
        )),
      stream: (sending, request) =>
        watched(Effect.flatMap(replyTo(sending, request), ({ asking, reply }) => ReplyEvents.make(reply, asking))),
      call: (sending, asked) => sending.guard(watched(call(sending, asked)))
    }, {
      timeout: Deadlines.defaults.response,
      retries: options.retries === true,
      // Its models have no price, unless the test gives a list of them.
      prices: options.endpoints?.["/models"] !== undefined,
      gate: Option.getOrUndefined(yield* Effect.serviceOption(RateGate))?.admission
    })
    return Context.make(OpenRouter, service).pipe(
      Context.add(OpenRouterTest, { calls: Effect.sync(() => calls.slice()) })
    )
  }))

const mistaken = (message: string): Effect.Effect<never> => Effect.die(new TestFailure(message))

/** Fails the scope of a test for these reasons, unless the test has failed for another. */
const closing = (reasons: () => ReadonlyArray<string>): Effect.Effect<void, never, Scope.Scope> =>
  Effect.addFinalizer((exit) =>
    Effect.suspend(() => {
      const found = Exit.isSuccess(exit) ? reasons() : []
      return found.length === 0 ? Effect.void : Effect.die(new TestFailure(found.join("\n")))
    })
  )

/** The reply that a call gets, once functions have been asked. */
const chosen = (
  { reply }: Extract<Next, { readonly _tag: "Reply" }>,
  request: CreateResponse,
  none: () => Effect.Effect<never>
): Effect.Effect<Settled> => {
  if (isError(reply)) return Effect.succeed(reply)
  if (isFunction(reply)) {
    return Effect.suspend(() => chosen({ _tag: "Reply", reply: reply(request) }, request, none))
  }
  if (isEffect(reply)) return Effect.flatMap(replied(reply), (reply) => chosen({ _tag: "Reply", reply }, request, none))
  const known = settled(reply)
  return known === undefined ? none() : Effect.succeed(known)
}

const isFunction = (u: unknown): u is (request: CreateResponse) => unknown => Predicate.isFunction(u)

/** The types of a script let effects need nothing. */
const replied = (reply: Effect.Effect<unknown, unknown>): Effect.Effect<unknown> =>
  Effect.catch(reply, (error) => isError(error) ? Effect.succeed(error) : Effect.die(error))

const isEffect = (u: unknown): u is Effect.Effect<unknown, unknown> => Effect.isEffect(u)

const isRequestError: (u: unknown) => u is RequestError = /* @__PURE__ */ Schema.is(RequestError)
