/**
 * The way of one call, written once for answers, streams and plain endpoints, and for every layer:
 *
 * defaults, middleware, check and encode, span, retry; then for each attempt admissions, the exchange under its deadlines,
 * and the end, which those that admitted the attempt are told.
 *
 * What sends an attempt is a {@link Sender}: HTTP, or the replies of a test.
 *
 * @since 0.1.0
 */
import * as Channel from "effect/Channel"
import type * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { Call } from "../../domain/endpoint/Call.ts"
import * as CallCost from "../../domain/error/CallCost.ts"
import type { InvalidRequest, OpenRouterError, RequestError } from "../../domain/error/OpenRouterError.ts"
import * as Costs from "../../domain/outcome/Costs.ts"
import * as Outcome from "../../domain/outcome/Outcome.ts"
import * as CreateResponse from "../../domain/request/CreateResponse.ts"
import * as RequestBody from "../../domain/request/RequestBody.ts"
import * as Admission from "../../services/Admission.ts"
import { CurrentDefaults, CurrentMark, filled } from "../../services/Defaults.ts"
import { CurrentMiddleware, unwrapped } from "../../services/Middleware.ts"
import type { Middleware } from "../../services/Middleware.ts"
import { OpenRouter } from "../../services/OpenRouter.ts"
import type { EventChannel, StreamError, Target } from "../../services/OpenRouter.ts"
import type { Source } from "../../services/Prices.ts"
import * as RetryPolicy from "../../services/RetryPolicy.ts"
import type { Reading } from "./Attempting.ts"
import * as AttemptMetrics from "./AttemptMetrics.ts"
import * as CallEnd from "./CallEnd.ts"
import { CallMetrics } from "./CallMetrics.ts"
import * as Sending from "./Sending.ts"
import * as StreamAttempt from "./StreamAttempt.ts"
import * as Tracing from "./Tracing.ts"
import * as Watchdog from "./Watchdog.ts"

/**
 * What sends one attempt. It says when the request leaves (`sending.onSent`), its errors are those of this attempt, and what
 * it gives in one piece keeps the deadline of the attempt.
 *
 * @since 0.1.0
 */
export interface Sender {
  /** See `Admission.Call`. */
  readonly account: string
  /** See `Transport`. */
  readonly address?: string | undefined
  readonly respond: (
    sending: Sending.Sending,
    request: CreateResponse.CreateResponse,
    body: string
  ) => Effect.Effect<Outcome.Outcome, RequestError>
  /** Sends a request for a stream, until its answer has begun; the scope holds the connection. */
  readonly stream: (
    sending: Sending.Sending,
    request: CreateResponse.CreateResponse,
    body: string
  ) => Effect.Effect<StreamAttempt.EventSource, StreamError, Scope.Scope>
  readonly call: <A>(
    sending: Sending.Sending,
    call: Call<A>,
    body: string | undefined
  ) => Effect.Effect<A, RequestError>
}

/**
 * How a client is set up.
 *
 * @since 0.1.0
 */
export interface Settings {
  /** The `response` deadline of calls that set none. */
  readonly timeout: Duration.Duration
  /** False for a client whose errors are all final, whatever `RetryPolicy` says. */
  readonly retries: boolean
  /** The client's own gate, asked after all other admissions that wait. */
  readonly gate?: Admission.Admission | undefined
  /** False for a client that has no models to ask for, and so no prices; or those of another client. */
  readonly prices: boolean | Source
}

/**
 * Makes the service over a sender.
 *
 * @since 0.1.0
 */
export const make = (sender: Sender, settings: Settings): OpenRouter["Service"] => {
  const watchdogs = new WeakMap<Clock.Clock, Watchdog.Watchdog>()
  const { gate } = settings
  const metrics = new CallMetrics()
  const meter = AttemptMetrics.make(metrics)
  const gated: ReadonlyArray<Admission.Admission> = gate === undefined ? [meter] : Admission.inOrder([gate, meter])
  const orders = new WeakMap<ReadonlyArray<Admission.Admission>, ReadonlyArray<Admission.Admission>>()
  const prices: Source | undefined = settings.prices === true
    ? { call: (call) => Effect.withFiber((fiber) => callIn(fiber, call)) }
    : settings.prices === false
    ? undefined
    : settings.prices
  const client: Sending.Client = {
    prices,
    account: sender.account,
    timeout: settings.timeout,
    metrics,
    admissionsWithin: (outer) => {
      if (outer.length === 0) return gated
      let order = orders.get(outer)
      if (order === undefined) {
        order = Admission.inOrder([...outer, ...gated])
        orders.set(outer, order)
      }
      return order
    },
    watchdogOf: (clock) => {
      let watchdog = watchdogs.get(clock)
      if (watchdog === undefined) {
        watchdog = new Watchdog.Watchdog(clock)
        watchdogs.set(clock, watchdog)
      }
      return watchdog
    }
  }

  const retried = <A, E extends OpenRouterError>(
    running: Sending.Running,
    attempt: (number: number) => Effect.Effect<A, E>
  ): Effect.Effect<A, E> => settings.retries ? RetryPolicy.retried(attempt, running) : attempt(1)

  /** One attempt that ends with its answer. */
  const attempted = <A>(
    sending: Sending.Sending,
    exchange: Effect.Effect<A, RequestError>,
    reading: Reading<A> | undefined
  ): Effect.Effect<A, RequestError> => {
    const { admissions } = sending.running
    return admissions.length === 0 ? exchange : Effect.onExit(
      Effect.andThen(sending.admitted, exchange),
      (exit) => sending.told(exit, reading)
    )
  }

  /** The end of a call that cannot be made as it is. */
  const refused = (running: Sending.Running, error: InvalidRequest): Effect.Effect<never, InvalidRequest> =>
    Tracing.call(running, () => Effect.fail(error), (exit) => CallEnd.ofOutcome(exit, running))

  /** The same for a request that may be anything. */
  const unsendable = (
    fiber: Fiber.Fiber<unknown, unknown>,
    request: CreateResponse.CreateResponse,
    questionOf: typeof respondOf,
    error: InvalidRequest
  ): Effect.Effect<never, InvalidRequest> => {
    const model = RequestBody.readable(request, () => modelOf(request))
    const known = Result.isSuccess(model) && typeof model.success === "string" ? model.success : undefined
    return refused(new Sending.Running(fiber, client, questionOf({}, known)), error)
  }

  const outcomeIn = (
    fiber: Fiber.Fiber<unknown, unknown>,
    request: CreateResponse.CreateResponse
  ): Effect.Effect<Outcome.Outcome, RequestError> => {
    const body = CreateResponse.toBody(request, { stream: false, mark: fiber.getRef(CurrentMark) })
    if (Result.isFailure(body)) return unsendable(fiber, request, respondOf, body.failure)
    const running = new Sending.Running(fiber, client, respondOf(request, modelOf(request)))
    const { problem } = running
    if (problem !== undefined) return refused(running, problem)
    let vacant: Outcome.Outcome | undefined
    const make = () =>
      Effect.catchTag(
        retried(running, (number) => {
          const sending = new Sending.Sending(running, number, false)
          return Effect.matchEffect(attempted(sending, sender.respond(sending, request, body.success), ofOutcome), {
            onFailure: (error) => Effect.fail(sending.failed(error, CallCost.withCallCost)),
            onSuccess: (own) => {
              const outcome = sending.answered(own)
              const error = Outcome.vacancy(outcome)
              if (error === undefined) return Effect.succeed(outcome)
              vacant = outcome
              return Effect.fail(error)
            }
          })
        }),
        "EmptyCompletion",
        // It is an answer, once it is not repeated any more.
        (error) => vacant === undefined ? Effect.die(error) : Effect.succeed(vacant)
      )
    return Tracing.call(running, make, (exit) => CallEnd.ofOutcome(exit, running))
  }

  const callIn = <A>(fiber: Fiber.Fiber<unknown, unknown>, call: Call<A>): Effect.Effect<A, RequestError> => {
    const body = call.body ?? Result.succeed(undefined)
    const isBillable = call.costs !== undefined
    const running = new Sending.Running(fiber, client, {
      name: call.name,
      model: call.model,
      request: undefined,
      isBillable,
      isStream: false
    })
    if (Result.isFailure(body)) return refused(running, body.failure)
    const { problem } = running
    if (problem !== undefined) return refused(running, problem)
    const make = () =>
      retried(running, (number) => {
        const sending = new Sending.Sending(running, number, false)
        const reading = call.costs === undefined ? undefined : { costs: call.costs }
        const answered = attempted(sending, sender.call(sending, call, body.success), reading)
        return isBillable
          ? Effect.mapError(answered, (error) => sending.failed(error, CallCost.withCallCost))
          : answered
      })
    return Tracing.call(running, make, (exit) => CallEnd.ofCall(exit, running, call.costs))
  }

  /** One attempt of a stream until it has begun; what comes later is in what it gives. */
  const begun = (
    running: Sending.Running,
    number: number,
    scope: Scope.Scope,
    held: StreamAttempt.Held,
    open: (sending: Sending.Sending) => Effect.Effect<StreamAttempt.EventSource, StreamError, Scope.Scope>,
    onEnd: (exit: Exit.Exit<Outcome.Outcome, StreamError>) => void
  ) => {
    const sending = new Sending.Sending(running, number, true)
    let isOver = false
    return StreamAttempt.begin({
      sending,
      scope: Scope.forkUnsafe(scope),
      open: open(sending),
      held,
      settle: (exit) => {
        if (!isOver) onEnd(exit)
        isOver = true
        return sending.told(exit, ofOutcome)
      }
    })
  }

  const eventsIn = (
    fiber: Fiber.Fiber<unknown, unknown>,
    request: CreateResponse.CreateResponse
  ): EventChannel => {
    const body = CreateResponse.toBody(request, { stream: true, mark: fiber.getRef(CurrentMark) })
    if (Result.isFailure(body)) return Channel.unwrap(unsendable(fiber, request, streamOf, body.failure))
    return Channel.fromTransformBracket((_upstream, _outer, scope) => {
      const running = new Sending.Running(fiber, client, streamOf(request, modelOf(request)))
      const { problem } = running
      if (problem !== undefined) return refused(running, problem)
      let last: Exit.Exit<Outcome.Outcome, StreamError> | undefined
      const endOf = (exit: Exit.Exit<unknown, unknown>) => CallEnd.ofStream(exit, last, running)
      return Effect.map(Tracing.stream(running, scope, endOf), (span) => {
        const onEnd = (exit: Exit.Exit<Outcome.Outcome, StreamError>) => {
          last = exit
        }
        const open = (sending: Sending.Sending) => sender.stream(sending, request, body.success)
        const held: StreamAttempt.Held = { events: [], outcome: undefined }
        const attempts = retried(running, (number) => begun(running, number, scope, held, open, onEnd))
        return StreamAttempt.pulled(
          span === undefined ? attempts : Effect.provideService(attempts, Tracer.ParentSpan, span),
          held
        )
      })
    })
  }

  const target: Target = { account: sender.account, address: sender.address ?? "" }

  const bare = OpenRouter.of({
    prices,
    target,
    outcome: (request) => Effect.withFiber((fiber) => outcomeIn(fiber, request)),
    events: (request) => started((fiber) => eventsIn(fiber, request)),
    call: (call) => Effect.withFiber((fiber) => callIn(fiber, call))
  })

  /** A middleware is a function of the service: it is applied once to each, and may keep state. */
  const applied = new WeakMap<Middleware, WeakMap<OpenRouter["Service"], OpenRouter["Service"]>>()
  const applyTo = (service: OpenRouter["Service"], middleware: Middleware): OpenRouter["Service"] => {
    let services = applied.get(middleware)
    if (services === undefined) {
      services = new WeakMap()
      applied.set(middleware, services)
    }
    let wrapped = services.get(service)
    if (wrapped === undefined) {
      // Whatever it asks, it answers for this client.
      const made = middleware(service)
      wrapped = made.target === target ? made : {
        prices: made.prices,
        target,
        outcome: (request) => made.outcome(request),
        events: (request) => made.events(request),
        call: (call) => made.call(call)
      }
      services.set(service, wrapped)
    }
    return wrapped
  }

  /** The service in the middlewares of the caller; none if there are none. */
  const wrapped = (fiber: Fiber.Fiber<unknown, unknown>): OpenRouter["Service"] | undefined => {
    const middleware = fiber.getRef(CurrentMiddleware)
    return middleware.length === 0 ? undefined : middleware.reduceRight(applyTo, bare)
  }

  return OpenRouter.of({
    prices,
    target,
    outcome: (request) =>
      Effect.withFiber((fiber) => {
        const whole = filledIn(fiber, request)
        if (Result.isFailure(whole)) {
          return unsendable(fiber, request, respondOf, whole.failure)
        }
        const service = wrapped(fiber)
        return service === undefined
          ? outcomeIn(fiber, whole.success)
          : Effect.provideService(service.outcome(whole.success), CurrentMiddleware, unwrapped)
      }),
    events: (request) =>
      started((fiber) => {
        const whole = filledIn(fiber, request)
        if (Result.isFailure(whole)) {
          return Channel.unwrap(unsendable(fiber, request, streamOf, whole.failure))
        }
        const service = wrapped(fiber)
        return service === undefined
          ? eventsIn(fiber, whole.success)
          : Channel.provideService(service.events(whole.success), CurrentMiddleware, unwrapped)
      }),
    call: (call) =>
      Effect.withFiber((fiber) => {
        const service = wrapped(fiber)
        return service === undefined
          ? callIn(fiber, call)
          : Effect.provideService(service.call(call), CurrentMiddleware, unwrapped)
      })
  })
}

/** A request with the defaults of the program; reading it may throw, if it has getters. */
const filledIn = (
  fiber: Fiber.Fiber<unknown, unknown>,
  request: CreateResponse.CreateResponse
): Result.Result<CreateResponse.CreateResponse, InvalidRequest> =>
  RequestBody.readable(request, () => filled(request, fiber.getRef(CurrentDefaults)))

/** A channel that is made by the fiber that runs it. */
const started = (make: (fiber: Fiber.Fiber<unknown, unknown>) => EventChannel): EventChannel =>
  Channel.fromTransform((upstream, scope) =>
    Effect.withFiber((fiber) => Channel.toTransform(make(fiber))(upstream, scope))
  )

const ofOutcome: Reading<Outcome.Outcome> = { costs: Costs.ofOutcome, generationId: (outcome) => outcome.generationId }

const modelOf = ({ model, models }: CreateResponse.CreateResponse): string | undefined => model ?? models?.[0]

const respondOf = (request: CreateResponse.CreateResponse, model: string | undefined): Sending.Question => ({
  name: "respond",
  model,
  request,
  isBillable: true,
  isStream: false
})

const streamOf = (request: CreateResponse.CreateResponse, model: string | undefined): Sending.Question => ({
  name: "stream",
  model,
  request,
  isBillable: true,
  isStream: true
})
