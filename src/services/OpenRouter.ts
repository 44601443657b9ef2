/**
 * The contract of the client, and the programs that need nothing else.
 *
 * `OpenRouter` is the service to swap in a test. Everything users call is a function over it, so a test layer has three
 * members to provide. In the way of a call it is the entrance: what stands behind it (middleware, retry, admissions, the
 * transport) is the same for all functions.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Channel from "effect/Channel"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Account from "../domain/endpoint/Account.ts"
import type { Call } from "../domain/endpoint/Call.ts"
import * as Embedding from "../domain/endpoint/Embedding.ts"
import * as Generation from "../domain/endpoint/Generation.ts"
import * as Model from "../domain/endpoint/Model.ts"
import * as Provider from "../domain/endpoint/Provider.ts"
import type { AnswerError, RequestError, StreamInterrupted } from "../domain/error/OpenRouterError.ts"
import * as Outcome from "../domain/outcome/Outcome.ts"
import type { CreateResponse, Sendable } from "../domain/request/CreateResponse.ts"
import * as RequestBody from "../domain/request/RequestBody.ts"
import * as ShownText from "../domain/stream/ShownText.ts"
import * as StreamEvent from "../domain/stream/StreamEvent.ts"
import type * as Prices from "./Prices.ts"

export { CurrentDefaults, CurrentHeaders, withDefaults, withHeaders } from "./Defaults.ts"
export { CurrentMiddleware, type Middleware, withMiddleware } from "./Middleware.ts"
export { type ServerCache, withRouterMetadata, withServerCache } from "./ServerSettings.ts"

/**
 * How {@link respond} can fail: without an answer, or with one that is none.
 *
 * @since 0.1.0
 */
export type RespondError = RequestError | AnswerError

/**
 * How a stream can fail: like any call, or because it broke off.
 *
 * @since 0.1.0
 */
export type StreamError = RequestError | StreamInterrupted

/**
 * The events of a stream in the pieces in which they arrived; done with the outcome.
 *
 * @since 0.1.0
 */
export type EventChannel = Channel.Channel<
  Arr.NonEmptyReadonlyArray<StreamEvent.StreamEvent>,
  StreamError,
  Outcome.Outcome
>

/**
 * Whose answers a client gives.
 *
 * @since 0.1.0
 */
export interface Target {
  /** Which key is used, without telling it: 12 hex digits of its SHA-256; `test` in a test layer. */
  readonly account: string
  /** The API's URL; empty where there is none. */
  readonly address: string
}

/**
 * OpenRouter's API as this library uses it.
 *
 * @since 0.1.0
 */
export class OpenRouter extends Context.Service<OpenRouter, {
  /** Sends a request; succeeds with how it ended, fails if it was not answered. */
  readonly outcome: (request: CreateResponse) => Effect.Effect<Outcome.Outcome, RequestError>
  /** Sends a request for a stream: its events, and how it ended as the value of its end. */
  readonly events: (request: CreateResponse) => EventChannel
  /** Asks a plain endpoint. */
  readonly call: <A>(endpoint: Call<A>) => Effect.Effect<A, RequestError>
  /** The prices of its models, for budgets; a service that is made by hand needs none. */
  readonly prices?: Prices.Source | undefined
  /** Whom it asks, for caches, which keep the answers of different ones apart; a service that is made by hand needs none. */
  readonly target?: Target | undefined
}>()("effect-openrouter/OpenRouter") {}

/**
 * An outcome as the channel of events in which it would have come; for middlewares that answer by themselves.
 *
 * @since 0.1.0
 */
export const replay = (outcome: Outcome.Outcome): EventChannel =>
  Channel.concatWith(Channel.succeed(StreamEvent.fromOutcome(outcome)), () => Channel.end(outcome))

/**
 * Sends a request and succeeds with the answer.
 *
 * Like all calls it asks for an `input` or a `prompt`; every other field may come from `withDefaults`. (A program whose input
 * is a default as well asks the service, `OpenRouter.OpenRouter`, which takes any `CreateResponse`; what is sent is checked
 * after the defaults.)
 *
 * What is no answer is a typed error: truncated (`Incomplete`), refused (`Refused`), failed (`GenerationFailed`) and empty
 * (`EmptyCompletion`) ones carry the text so far, the usage and the cost. Failures that may pass are tried again as
 * `RetryPolicy` says.
 *
 * **Example** (Falling back to what there is)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 *
 * const text = OpenRouter.respond({ model: "openai/gpt-5", input: "Describe the town square." }).pipe(
 *   Effect.map((answer) => answer.text),
 *   Effect.catchTag("Incomplete", (error) => Effect.succeed(`${error.partialText} …`))
 * )
 * ```
 *
 * @since 0.1.0
 */
export const respond = (
  request: Sendable
): Effect.Effect<Outcome.Completed, RespondError, OpenRouter> =>
  Effect.flatMap(
    outcome(request),
    (outcome) => outcome._tag === "Completed" ? Effect.succeed(outcome) : Effect.fail(Outcome.toError(outcome))
  )

/**
 * Sends a request and succeeds with how it ended, for those who want to match on it.
 *
 * Only a request that was not answered at all fails. A failed response that says why (such as `rate_limit_exceeded`) counts
 * as not answered and fails like its HTTP sibling.
 *
 * @since 0.1.0
 */
export const outcome = (request: Sendable): Effect.Effect<Outcome.Outcome, RequestError, OpenRouter> =>
  OpenRouter.use((service) => service.outcome(request))

/**
 * Sends a request and gives the events of its stream.
 *
 * The stream ends after an answer and fails otherwise: after its last event with the error that {@link respond} would fail
 * with (`Incomplete`, `Refused`, …), with `StreamInterrupted` if it broke off without saying how it ended, with `TimedOut`
 * if it stalled (see `Deadlines`). Errors carry the text so far. A failure before the first piece of the answer is tried
 * again as `RetryPolicy` says; the events of an attempt that is repeated are not delivered.
 *
 * @since 0.1.0
 */
export const stream = (
  request: Sendable
): Stream.Stream<StreamEvent.StreamEvent, StreamError | AnswerError, OpenRouter> =>
  Stream.fromChannel(Channel.unwrap(OpenRouter.useSync((service) =>
    Channel.concatWith(
      service.events(request),
      (outcome) => outcome._tag === "Completed" ? Channel.empty : Channel.fail(Outcome.toError(outcome))
    )
  )))

/**
 * Sends a request and gives the text of the answer while it arrives: its pieces, joined, are the answer's `text`.
 *
 * **Example** (Printing as the model writes)
 *
 * ```ts
 * import { Console, Stream } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 *
 * const program = OpenRouter.streamText({ model: "openai/gpt-5", input: "Describe the town square." }).pipe(
 *   Stream.runForEach((text) => Console.log(text))
 * )
 * ```
 *
 * @since 0.1.0
 */
export const streamText = (
  request: Sendable
): Stream.Stream<string, StreamError | AnswerError, OpenRouter> =>
  Stream.fromChannel(Channel.unwrap(OpenRouter.useSync((service) => {
    const shown = ShownText.make()
    return service.events(request).pipe(
      Channel.map((events): ReadonlyArray<string> => events.map(shown.next).filter((text) => text !== "")),
      Channel.filter(Arr.isReadonlyArrayNonEmpty),
      Channel.concatWith((outcome) => {
        if (outcome._tag !== "Completed") return Channel.fail(Outcome.toError(outcome))
        const rest = shown.rest(outcome.text)
        return rest === "" ? Channel.empty : Channel.succeed(Arr.of(rest))
      })
    )
  })))

/**
 * Sends a request, hands each event of its stream to a function, and succeeds with how it ended.
 *
 * The next event waits until the function is done. Like {@link outcome} it fails only if there is no outcome.
 *
 * **Example** (Text for the screen, the cost for the books)
 *
 * ```ts
 * import { Console, Effect } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 *
 * const cost = OpenRouter.streamOutcome(
 *   { model: "openai/gpt-5", input: "Describe the town square." },
 *   (event) => event.type === "response.output_text.delta" ? Console.log(event.delta) : Effect.void
 * ).pipe(Effect.map((outcome) => outcome.cost))
 * ```
 *
 * @since 0.1.0
 */
export const streamOutcome = <X, E, R>(
  request: Sendable,
  onEvent: (event: StreamEvent.StreamEvent) => Effect.Effect<X, E, R>
): Effect.Effect<Outcome.Outcome, StreamError | E, OpenRouter | R> =>
  OpenRouter.use((service) =>
    Channel.runForEach(
      service.events(request),
      (events) => Effect.forEach(events, onEvent, { discard: true })
    )
  )

/** Asks an endpoint about what a program gave; that may throw where it is read, which is the failure of the call. */
const ask = <A>(given: unknown, endpoint: () => Call<A>): Effect.Effect<A, RequestError, OpenRouter> =>
  Effect.suspend(() => {
    const made = RequestBody.readable(given, endpoint)
    return Result.isSuccess(made) ? call(made.success) : Effect.fail(made.failure)
  })

// The constants made with this are marked as pure, so that a bundle holds only the endpoints that its program asks.
const call = <A>(endpoint: Call<A>): Effect.Effect<A, RequestError, OpenRouter> =>
  OpenRouter.use((service) => service.call(endpoint))

/**
 * The limits and the usage of the key in use: `GET /key`.
 *
 * @since 0.1.0
 */
export const key: Effect.Effect<Account.KeyInfo, RequestError, OpenRouter> = /* @__PURE__ */ call(Account.key)

/**
 * What the account has bought and used: `GET /credits`. Needs a management key, else fails with `AccessDenied`.
 *
 * @since 0.1.0
 */
export const credits: Effect.Effect<Account.Credits, RequestError, OpenRouter> = /* @__PURE__ */ call(Account.credits)

/**
 * The models on offer with their prices: `GET /models`.
 *
 * @since 0.1.0
 */
export const models = (
  query?: Model.ModelQuery
): Effect.Effect<ReadonlyArray<Model.Model>, RequestError, OpenRouter> => ask(query, () => Model.models(query))

/**
 * The models that the account's settings leave: `GET /models/user`.
 *
 * @since 0.1.0
 */
export const userModels: Effect.Effect<ReadonlyArray<Model.Model>, RequestError, OpenRouter> = /* @__PURE__ */ call(
  Model.userModels
)

/**
 * All offers of a model, by its id: `GET /models/{author}/{slug}/endpoints`.
 *
 * @since 0.1.0
 */
export const modelEndpoints = (model: string): Effect.Effect<Model.ModelEndpoints, RequestError, OpenRouter> =>
  ask(model, () => Model.modelEndpoints(model))

/**
 * The vectors of texts: `POST /embeddings`. Ledgers book what they cost.
 *
 * @since 0.1.0
 */
export const embeddings = (
  request: Embedding.CreateEmbeddings
): Effect.Effect<Embedding.Embeddings, RequestError, OpenRouter> => ask(request, () => Embedding.embeddings(request))

/**
 * The providers behind OpenRouter: `GET /providers`.
 *
 * @since 0.1.0
 */
export const providers: Effect.Effect<ReadonlyArray<Provider.Provider>, RequestError, OpenRouter> =
  /* @__PURE__ */ call(
    Provider.providers
  )

/**
 * What was recorded of a call, by the `generationId` of its answer or error: `GET /generation`.
 *
 * Right after the call it may not be there yet: then it fails with `GenerationNotFound`, or asks again for as long as
 * `wait` says (default: not at all), after half a second at first and every 5 seconds at last.
 *
 * **Example** (What a call that was cut off has cost)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 *
 * const costOf = (generationId: string) =>
 *   OpenRouter.generation(generationId, { wait: "30 seconds" }).pipe(
 *     Effect.map((generation) => generation.totalCost),
 *     Effect.catchTag("GenerationNotFound", () => Effect.succeed(undefined))
 *   )
 * ```
 *
 * @since 0.1.0
 */
export const generation = (
  id: string,
  options?: { readonly wait?: Duration.Input | undefined }
): Effect.Effect<Generation.Generation, RequestError | Generation.GenerationNotFound, OpenRouter> => {
  const asked = Effect.catchTag(
    ask(id, () => Generation.generation(id)),
    "ModelUnavailable",
    (error) => Effect.fail(Generation.notFound(id, error))
  )
  return options?.wait === undefined ? asked : patiently(asked, options.wait)
}

/** Asks until the record is there or the time is over. */
const patiently = /* @__PURE__ */ Effect.fnUntraced(function*<A, E, R>(
  asked: Effect.Effect<A, E | Generation.GenerationNotFound, R>,
  wait: Duration.Input
): Effect.fn.Return<A, E | Generation.GenerationNotFound, R> {
  const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(Duration.fromInputUnsafe(wait))
  for (let pause = firstPause;; pause = Math.min(pause * 2, longestPause)) {
    const answer = yield* Effect.result(asked)
    if (Result.isSuccess(answer)) return answer.success
    const left = until - (yield* Clock.currentTimeMillis)
    if (left <= 0 || !isNotFound(answer.failure)) return yield* Effect.fail(answer.failure)
    yield* Effect.sleep(Math.min(pause, left))
  }
})

const isNotFound = /* @__PURE__ */ Predicate.isTagged("GenerationNotFound")

/** Milliseconds. */
const firstPause = 500

const longestPause = 5000

/**
 * The schema that the running call asks an object of; set by `respondObject`. A test layer encodes its replies with it.
 *
 * @since 0.1.0
 */
export const CurrentObjectSchema: Context.Reference<Schema.Codec<unknown, unknown> | undefined> =
  /* @__PURE__ */ Context.Reference<
    Schema.Codec<unknown, unknown> | undefined
  >("effect-openrouter/OpenRouter/CurrentObjectSchema", { defaultValue: () => undefined })

/**
 * The error of an answer that its caller cannot use, as far as a trace tells it.
 *
 * @since 0.1.0
 */
export interface ObjectProblem {
  readonly _tag: string
  readonly message: string
}

/**
 * What is wrong with an answer in the eyes of the running call, besides what its outcome says; set by `respondObject`, so
 * that the span of a call knows how its caller sees it.
 *
 * @since 0.1.0
 */
export const CurrentObjectProblem: Context.Reference<
  ((answer: Outcome.Completed) => ObjectProblem | undefined) | undefined
> = /* @__PURE__ */ Context.Reference<((answer: Outcome.Completed) => ObjectProblem | undefined) | undefined>(
  "effect-openrouter/OpenRouter/CurrentObjectProblem",
  { defaultValue: () => undefined }
)
