/**
 * What a call has while it runs, and each of its attempts: the facts that admissions see, its headers, and its deadlines.
 *
 * All references are read when the call begins, once for all its attempts.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { ConnectionFailed, InvalidRequest, MalformedResponse, TimedOut } from "../../domain/error/OpenRouterError.ts"
import type { OpenRouterError, RequestError } from "../../domain/error/OpenRouterError.ts"
import type { Usd } from "../../domain/money/Usd.ts"
import * as Costs from "../../domain/outcome/Costs.ts"
import type * as HttpAnswer from "../../domain/outcome/HttpAnswer.ts"
import * as Outcome from "../../domain/outcome/Outcome.ts"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as Admission from "../../services/Admission.ts"
import * as Deadlines from "../../services/Deadlines.ts"
import { CurrentHeaders } from "../../services/Defaults.ts"
import type { Headers } from "../../services/Defaults.ts"
import * as Place from "../../services/Place.ts"
import type { Source } from "../../services/Prices.ts"
import * as RetryPolicy from "../../services/RetryPolicy.ts"
import { isCacheTtl } from "../../services/ServerSettings.ts"
import { Attempting } from "./Attempting.ts"
import type { Reading } from "./Attempting.ts"
import type { CallMetrics } from "./CallMetrics.ts"
import * as CallReport from "./CallReport.ts"
import * as Watchdog from "./Watchdog.ts"

/**
 * What is asked.
 *
 * @since 0.1.0
 */
export interface Question {
  readonly name: string
  readonly model: string | undefined
  readonly request: CreateResponse | undefined
  readonly isBillable: boolean
  readonly isStream: boolean
}

/**
 * What all calls of a client share.
 *
 * @since 0.1.0
 */
export interface Client {
  readonly account: string
  /** The `response` deadline of calls that set none. */
  readonly timeout: Duration.Duration
  /** All that a call has to pass, in order: those of its caller, and the client's own. */
  readonly admissionsWithin: (outer: ReadonlyArray<Admission.Admission>) => ReadonlyArray<Admission.Admission>
  readonly watchdogOf: (clock: Clock.Clock) => Watchdog.Watchdog
  readonly prices: Source | undefined
  readonly metrics: CallMetrics
}

/**
 * A running call.
 *
 * @since 0.1.0
 */
export class Running implements RetryPolicy.Loop {
  readonly call: Admission.Call
  readonly clock: Clock.Clock
  readonly context: Context.Context<never>
  /** What is told of it; absent where nobody wants to know. */
  readonly report: CallReport.CallReport | undefined
  headers: Headers
  readonly admissions: ReadonlyArray<Admission.Admission>
  readonly deadlines: Deadlines.Deadlines
  /** The instant at which all of it must be over. */
  readonly totalAt: number
  readonly watchdog: Watchdog.Watchdog
  /** What its attempts cost that are over. */
  spent: Costs.Costs = Costs.zero
  /** The status of the newest answer, of whatever attempt. */
  answeredStatus: number | undefined
  /** Its newest attempt. */
  last: Sending | undefined

  constructor(fiber: Fiber.Fiber<unknown, unknown>, client: Client, question: Question) {
    const { request } = question
    this.clock = fiber.getRef(Clock.Clock)
    this.context = fiber.context
    this.headers = withoutCredentials(fiber.getRef(CurrentHeaders))
    this.admissions = client.admissionsWithin(fiber.getRef(Admission.CurrentAdmissions))
    const { firstEvent, idle, response, total } = fiber.getRef(Deadlines.CurrentDeadlines)
    this.deadlines = {
      response: response ?? client.timeout,
      firstEvent: firstEvent ?? Deadlines.defaults.firstEvent,
      idle: idle ?? Deadlines.defaults.idle,
      total: total ?? (question.isStream ? Deadlines.defaults.total : Duration.infinity)
    }
    const summed = fiber.getRef(Place.CurrentSummed)
    const call: Admission.Call = {
      name: question.name,
      model: question.model,
      request,
      isBillable: question.isBillable,
      account: client.account,
      startedAt: this.clock.currentTimeMillisUnsafe(),
      maxWait: Math.min(
        Duration.toMillis(fiber.getRef(RetryPolicy.CurrentRetryPolicy).maxWait),
        Duration.toMillis(this.deadlines.total)
      ),
      scopes: fiber.getRef(Place.CurrentScopes),
      tags: fiber.getRef(Place.CurrentTags),
      prices: client.prices
    }
    this.call = summed.length === 0 ? call : { ...call, summed }
    this.totalAt = this.call.startedAt + Duration.toMillis(this.deadlines.total)
    this.watchdog = client.watchdogOf(this.clock)
    this.report = CallReport.make(fiber, this.call, question.isStream, client.metrics)
  }

  /** Its span has begun: its requests may have to say so. One that names another trace keeps it. */
  traced(): void {
    const traceparent = this.report?.traceparent
    if (traceparent !== undefined) this.headers = { traceparent, ...this.headers }
  }

  /** The error of headers that no message can carry, or that OpenRouter does not take. */
  get problem(): InvalidRequest | undefined {
    for (const name in this.headers) {
      const value = this.headers[name] ?? ""
      const problem = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name) && /^[\t -~\u0080-\u00ff]*$/.test(value)
        ? name === "x-openrouter-cache-ttl" && !isCacheTtl(Number(value))
          ? "must be from a second to a day, as long as OpenRouter keeps answers"
          : undefined
        : "has a name or a value that no header can carry"
      if (problem === undefined) continue
      return new InvalidRequest({
        origin: "local",
        field: "headers",
        message: `headers: ${JSON.stringify(name)} ${problem}`,
        ...Wire.compact({ model: this.call.model })
      })
    }
    return undefined
  }

  /** The last error that was made again with the cost of the call, and as its attempt gave it: admissions know that one. */
  remade: { readonly from: OpenRouterError; readonly to: OpenRouterError } | undefined

  after(error: OpenRouterError): "wait" | "end" | undefined {
    const own = this.remade?.to === error ? this.remade.from : error
    for (const { after } of this.admissions) {
      const next = after?.(this.call, own)
      if (next !== undefined) return next
    }
    return undefined
  }

  retries(error: OpenRouterError, delayMillis: number): void {
    this.report?.retries(error, delayMillis)
  }

  /** Puts the `total` deadline on a wait between attempts; an attempt that would begin after it is not made. */
  within<E extends OpenRouterError>(wait: Effect.Effect<void, E>, error: E): Effect.Effect<void, E> {
    if (this.totalAt === Infinity) return wait
    const resetAt = "resetAt" in error ? error.resetAt : undefined
    return resetAt !== undefined && DateTime.toEpochMillis(resetAt) > this.totalAt
      ? Effect.fail(error)
      : this.watchdog.guard(wait, Watchdog.deadline(this.totalAt), () => Effect.fail(error))
  }
}

/**
 * One attempt of a running call.
 *
 * @since 0.1.0
 */
export class Sending extends Attempting {
  readonly running: Running
  /** What the attempts before it cost. */
  readonly #spentBefore: Costs.Costs
  /** The one deadline of the attempt; it is moved as the attempt goes on. */
  readonly deadline: Watchdog.Deadline
  /** By how many milliseconds the server's clock was ahead of the caller's when the headers of its answer came. */
  serverAhead = 0
  #phase: "response" | "firstEvent" | "idle"
  /** How long the consumer has waited since the last event that meant something. */
  #waited = 0
  #askedAt = 0
  #isOver = false

  constructor(running: Running, number: number, isStream: boolean) {
    super(running.call, number, running.clock.currentTimeMillisUnsafe())
    this.running = running
    running.last = this
    if (number > 1) running.report?.goesOn(this.startedAt)
    this.#spentBefore = running.spent
    this.deadline = Watchdog.deadline(running.totalAt)
    this.#phase = isStream ? "firstEvent" : "response"
  }

  /** What errors and outcomes of this attempt say of it. */
  get context(): HttpAnswer.Context {
    const { call: { model }, number: attempts, serverAhead } = this
    return { model, attempts, now: this.running.clock.currentTimeMillisUnsafe(), serverAhead }
  }

  /** An error of the exchange, with what is known of the attempt. */
  explained(error: RequestError): RequestError {
    if (error.attempts !== undefined) return error
    const known = { message: error.message, attempts: this.number, ...Wire.compact({ model: this.call.model }) }
    switch (error._tag) {
      case "ConnectionFailed":
        return new ConnectionFailed({ ...error, ...known })
      case "TimedOut":
        return new TimedOut({ ...error, ...known })
      case "MalformedResponse":
        return new MalformedResponse({ ...error, ...known })
      default:
        return error
    }
  }

  /** Its error with the cost of the call, once it is over. What kept the call from being sent at all is as it was. */
  failed<E extends OpenRouterError>(error: E, withCallCost: (error: E, callCost: Usd) => E): E {
    if (this.sentAt === undefined && this.number === 1) return error
    const callCost = this.#spends(this.costsOf(error))
    if (callCost === undefined || error.callCost !== undefined) return error
    const remade = withCallCost(error, callCost)
    this.running.remade = { from: error, to: remade }
    return remade
  }

  /** Its answer with the cost of the call, once it is over. Alone it has its own. */
  answered(outcome: Outcome.Outcome): Outcome.Outcome {
    return this.number === 1 && (outcome._tag === "Completed" || outcome.callCost !== undefined)
      ? outcome
      : Outcome.withCallCost(outcome, this.#spends(Costs.ofOutcome(outcome)))
  }

  #spends(costs: Costs.Costs): Usd | undefined {
    this.running.spent = Costs.sum(this.#spentBefore, costs)
    return Costs.charged(this.running.spent)
  }

  /**
   * What the request carries besides its transport's own. OpenRouter's response cache keeps every 200, and so a failure inside of
   * one, or an empty answer: a repeat would get it again.
   */
  get headers(): Headers {
    const { answeredStatus, headers } = this.running
    return this.number > 1 && answeredStatus === 200 && headers["x-openrouter-cache"] === "true"
      ? { ...headers, "x-openrouter-cache-clear": "true" }
      : headers
  }

  /** Passes the admissions, under the `total` deadline of the call. */
  get admitted(): Effect.Effect<void, RequestError> {
    const { admissions, totalAt, watchdog } = this.running
    if (admissions.length === 0) return Effect.void
    const { report } = this.running
    const entered = this.enter(admissions, report === undefined ? undefined : (wait) => report.waits(wait))
    return totalAt === Infinity
      ? entered
      : watchdog.guard(entered, Watchdog.deadline(totalAt), () => Effect.fail(this.timedOut()))
  }

  /** Takes note that the request has left, once. */
  left(): void {
    if (this.sentAt !== undefined) return
    const { clock, deadlines, report, totalAt, watchdog } = this.running
    this.sentAt = clock.currentTimeMillisUnsafe()
    report?.sends(this.number, this.sentAt)
    this.deadline.at = Math.min(totalAt, this.sentAt + Duration.toMillis(deadlines[this.#phase]))
    watchdog.moved(this.deadline)
  }

  /** Tells those who admitted it how it ended; each may take a few seconds for it. */
  told<A>(exit: Exit.Exit<A, OpenRouterError>, reading: Reading<A> | undefined): Effect.Effect<void> {
    const { clock, watchdog } = this.running
    const now = clock.currentTimeMillisUnsafe()
    this.#over(exit)
    return this.settle(exit, reading, now, (settle) =>
      watchdog.guard(
        settle,
        Watchdog.deadline(now + settleMillis),
        () => Effect.logError("an admission took too long to settle an attempt")
      ))
  }

  /** What was sent and came to no end of its own may have cost something. */
  #over(exit: Exit.Exit<unknown, OpenRouterError>): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.firstOutputAt !== undefined && this.sentAt !== undefined) {
      this.running.report?.answers(this.firstOutputAt - this.sentAt)
    }
    if (Exit.isSuccess(exit) || this.sentAt === undefined || !this.call.isBillable) return
    if (Option.isNone(Exit.findErrorOption(exit))) {
      this.running.spent = Costs.sum(this.#spentBefore, Costs.interrupted)
    }
  }

  /** The request leaves now. */
  get onSent(): Effect.Effect<void> {
    return Effect.sync(() => this.left())
  }

  /** Runs an exchange under the deadline. */
  guard<A, E>(exchange: Effect.Effect<A, E>): Effect.Effect<A, E | TimedOut> {
    const { deadlines, totalAt, watchdog } = this.running
    return totalAt === Infinity && Duration.toMillis(deadlines[this.#phase]) === Infinity
      ? exchange
      : watchdog.guard(exchange, this.deadline, () => Effect.fail(this.timedOut()))
  }

  /** The same for a request that leaves when it is started and calls back; see `WholeAnswer.Asking`. */
  wait<A, E>(start: Watchdog.Start<A, E>): Effect.Effect<A, E | TimedOut> {
    return this.running.watchdog.guardCallback<A, E, TimedOut>(
      (end) => {
        this.left()
        return start(end)
      },
      this.deadline,
      () => Effect.fail(this.timedOut())
    )
  }

  /** The consumer waits for the next event: while nobody did, the stream was not silent. */
  asked(): void {
    const { clock, deadlines, totalAt } = this.running
    this.#askedAt = clock.currentTimeMillisUnsafe()
    const since = this.#phase === "idle" ? this.#askedAt - this.#waited : this.sentAt ?? this.startedAt
    this.deadline.at = Math.min(totalAt, since + Duration.toMillis(deadlines[this.#phase]))
  }

  /** True once the deadline has passed. */
  get isLate(): boolean {
    return this.deadline.at <= this.running.clock.currentTimeMillisUnsafe()
  }

  /** Events have arrived; only those that mean something feed the deadline. */
  arrived(isMeaningful: boolean): void {
    if (isMeaningful) {
      this.#phase = "idle"
      this.#waited = 0
    } else this.#waited += this.running.clock.currentTimeMillisUnsafe() - this.#askedAt
  }

  /** The error of the deadline that has passed. */
  timedOut(): TimedOut {
    const { clock, deadlines, totalAt } = this.running
    const phase = totalAt <= clock.currentTimeMillisUnsafe() ? "total" : this.#phase
    const duration = deadlines[phase]
    return new TimedOut({
      phase,
      duration,
      message: `${problems[phase]} within ${Duration.format(duration)}`,
      attempts: this.sentAt === undefined ? this.number - 1 : this.number,
      ...Wire.compact({ model: this.call.model })
    })
  }
}

/** They are the transport's, and nobody above it is to see any. */
const withoutCredentials = (headers: Headers): Headers => {
  if (!("authorization" in headers)) return headers
  const { authorization: _, ...others } = headers
  return others
}

/** What was paid for does not wait longer for those who take note of it. */
const settleMillis = 5000

const problems: { readonly [P in TimedOut["phase"]]: string } = {
  response: "the answer did not arrive",
  firstEvent: "the stream did not begin",
  idle: "the stream stalled: nothing came",
  total: "the call was not over"
}
