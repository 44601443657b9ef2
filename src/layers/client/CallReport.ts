/**
 * What is told of one running call: its span with the events on its way, and the metrics of the whole of it.
 *
 * Both have figures and names, never a prompt or an answer unless they are asked for, and never a key. A span that waits
 * for its export keeps no answer alive: it ends without the value, and with no more of an error than its tag and message.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import type * as Tracer from "effect/Tracer"
import type { OpenRouterError } from "../../domain/error/OpenRouterError.ts"
import * as Usd from "../../domain/money/Usd.ts"
import type * as Admission from "../../services/Admission.ts"
import { CurrentTelemetry } from "../../services/Telemetry.ts"
import type { Settings } from "../../services/Telemetry.ts"
import type { CallEnd } from "./CallEnd.ts"
import type { CallMetrics, Kind } from "./CallMetrics.ts"
import * as GenAi from "./GenAi.ts"
import * as SpanContent from "./SpanContent.ts"

/**
 * What is told of a call; none where neither spans nor metrics are wanted.
 *
 * @since 0.1.0
 */
export const make = (
  fiber: Fiber.Fiber<unknown, unknown>,
  call: Admission.Call,
  isStream: boolean,
  metrics: CallMetrics
): CallReport | undefined => {
  const settings = fiber.getRef(CurrentTelemetry)
  const isTraced = fiber.getRef(References.TracerEnabled)
  return isTraced || settings.metrics ? new CallReport(fiber, call, isStream, metrics, settings, isTraced) : undefined
}

/** A failure in a span: no more of an error than may be seen. */
class CallFailed extends Error {
  readonly _tag: string
  constructor({ message, tag }: NonNullable<CallEnd["failure"]>) {
    super(message)
    this._tag = tag
    this.name = tag
    // Where the library made the error tells nobody anything.
    this.stack = `${tag}: ${message}`
  }
}

/**
 * What is told of one running call.
 *
 * @since 0.1.0
 */
export class CallReport {
  readonly isTraced: boolean
  readonly settings: Settings
  readonly kind: Kind
  readonly #call: Admission.Call
  readonly #isStream: boolean
  readonly #metrics: CallMetrics
  readonly #context: Context.Context<never>
  readonly #clock: Clock.Clock
  readonly #isTimed: boolean
  #span: Tracer.Span | undefined
  #wait: { readonly reason: string; readonly since: number } | undefined
  #sent = 0
  #firstChunk: number | undefined

  constructor(
    fiber: Fiber.Fiber<unknown, unknown>,
    call: Admission.Call,
    isStream: boolean,
    metrics: CallMetrics,
    settings: Settings,
    isTraced: boolean
  ) {
    this.settings = settings
    this.isTraced = isTraced
    this.kind = GenAi.kindOf(call)
    this.#call = call
    this.#isStream = isStream
    this.#metrics = metrics
    this.#context = fiber.context
    this.#clock = fiber.getRef(Clock.Clock)
    this.#isTimed = isTraced && fiber.getRef(References.TracerTimingEnabled)
  }

  /** The span of the call has begun. */
  begins(span: Tracer.Span): void {
    this.#span = span
    const { request } = this.#call
    GenAi.describeCall(this.kind, request, this.#isStream, (name, value) => span.attribute(name, value))
    if (this.settings.content && request !== undefined) SpanContent.ofRequest(span, request)
  }

  /** The header by which a server goes on with the trace, where it is to travel. */
  get traceparent(): string | undefined {
    const span = this.#span
    return span === undefined || !this.settings.propagation
      ? undefined
      : `00-${span.traceId.padStart(32, "0")}-${span.spanId}-${span.sampled ? "01" : "00"}`
  }

  #event(name: string, attributes: Record<string, unknown>): void {
    this.#span?.event(name, this.#isTimed ? this.#clock.currentTimeNanosUnsafe() : 0n, attributes)
  }

  /** An attempt has left. */
  sends(attempt: number, now: number): void {
    this.goesOn(now)
    this.#sent = attempt
    if (this.#span !== undefined) this.#event("openrouter.attempt", { "openrouter.attempt": attempt })
  }

  /** The first piece of a streamed answer came so many milliseconds after its request. */
  answers(millis: number): void {
    this.#firstChunk = millis
  }

  /** There will be another attempt. */
  retries(error: OpenRouterError, delayMillis: number): void {
    const now = this.#clock.currentTimeMillisUnsafe()
    if (this.#span !== undefined) {
      this.#event("openrouter.retry", { "openrouter.attempt": this.#sent, "error.type": error._tag })
    }
    if (delayMillis > 0) this.waits({ reason: "retry", until: now + delayMillis, error })
  }

  /** The call has to wait from now on. */
  waits({ error, reason, until }: Admission.Wait): void {
    const now = this.#clock.currentTimeMillisUnsafe()
    this.goesOn(now)
    this.#wait = { reason, since: now }
    if (this.#span === undefined) return
    const attributes: Record<string, unknown> = { "openrouter.wait.reason": reason }
    if (until !== undefined) attributes["openrouter.wait.until"] = DateTime.formatIso(DateTime.makeUnsafe(until))
    if (error !== undefined) attributes["error.type"] = error._tag
    this.#event("openrouter.wait", attributes)
  }

  /** It does not wait any more. */
  goesOn(now: number): void {
    const wait = this.#wait
    if (wait === undefined) return
    this.#wait = undefined
    if (!this.settings.metrics) return
    this.#metrics.of(this.kind, undefined).waited((now - wait.since) / 1000, wait.reason, this.#context)
  }

  /** The call has ended. */
  ends(end: CallEnd): void {
    const now = this.#clock.currentTimeMillisUnsafe()
    this.goesOn(now)
    try {
      if (this.settings.metrics) this.#count(end, now)
    } finally {
      const span = this.#span
      if (span !== undefined) {
        try {
          this.#describe(span, end)
        } finally {
          span.end(this.#isTimed ? this.#clock.currentTimeNanosUnsafe() : 0n, exitOf(end))
        }
      }
    }
  }

  #count(end: CallEnd, now: number): void {
    const context = this.#context
    const series = this.#metrics.of(this.kind, end.model)
    series.ended(end.failure?.tag ?? end.outcome, context)
    if (this.kind.operation === undefined) return
    series.cost(end.costs, context)
    if (this.settings.outer === "metrics") return
    const errorType = end.failure?.tag ?? (end.cause === undefined ? "" : end.outcome)
    series.lasted((now - this.#call.startedAt) / 1000, errorType, context)
    series.used(end.costs, context)
  }

  #describe(span: Tracer.Span, end: CallEnd): void {
    const { answer, costs, failure, finishReason, generationId, model, outcome, responseId } = end
    span.attribute("openrouter.outcome", failure?.tag ?? outcome)
    span.attribute("openrouter.attempts", this.#sent)
    if (failure !== undefined) span.attribute("error.type", failure.tag)
    else if (outcome === "Died") span.attribute("error.type", outcome)
    if (model !== undefined) span.attribute("gen_ai.response.model", model)
    if (responseId !== undefined) span.attribute("gen_ai.response.id", responseId)
    if (generationId !== undefined) span.attribute("openrouter.generation_id", generationId)
    if (finishReason !== undefined) span.attribute("gen_ai.response.finish_reasons", [finishReason])
    if (this.#firstChunk !== undefined) span.attribute("gen_ai.response.time_to_first_chunk", this.#firstChunk / 1000)
    if (answer !== undefined && this.settings.content) SpanContent.ofAnswer(span, answer, finishReason ?? "stop")
    if (this.kind.operation === undefined) return
    const { cost, unknown } = costs
    if (unknown === 0 || !Usd.isZero(cost)) span.attribute("openrouter.cost_usd", Usd.toNumber(cost))
    if (unknown > 0) span.attribute("openrouter.cost_unknown", unknown)
    if (this.settings.outer !== "none") return
    const { cachedTokens, inputTokens, outputTokens, reasoningTokens } = costs
    const isUsed = answer?.usage !== undefined
    if (isUsed || inputTokens > 0) span.attribute("gen_ai.usage.input_tokens", inputTokens)
    if (isUsed || outputTokens > 0) span.attribute("gen_ai.usage.output_tokens", outputTokens)
    if (cachedTokens > 0) span.attribute("gen_ai.usage.cache_read.input_tokens", cachedTokens)
    if (reasoningTokens > 0) span.attribute("gen_ai.usage.reasoning.output_tokens", reasoningTokens)
  }
}

const exitOf = ({ cause, failure }: CallEnd): Exit.Exit<void, unknown> => {
  if (failure !== undefined) return Exit.fail(new CallFailed(failure))
  return cause === undefined ? Exit.void : Exit.failCause(cause)
}
