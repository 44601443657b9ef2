/**
 * One span per call, with OpenTelemetry's names for generative AI. It holds figures and names, never a prompt, an answer
 * or a key; a span that waits for its export keeps no answer alive, for its exit is without the value.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import * as Usd from "../../domain/money/Usd.ts"
import type { Outcome } from "../../domain/outcome/Outcome.ts"

/**
 * Runs a call in a span of its own; does nothing where tracing is off.
 *
 * @since 0.1.0
 */
export const call = <A, E, R>(
  fiber: Fiber.Fiber<unknown, unknown>,
  name: string,
  attributes: () => Record<string, unknown>,
  self: Effect.Effect<A, E, R>,
  annotate?: (span: Tracer.Span, value: A) => void
): Effect.Effect<A, E, R> =>
  !fiber.getRef(References.TracerEnabled) ? self : Effect.suspend(() => {
    // The span holds its exit, so it ends without the answer.
    let answer: Effect.Effect<A> = Effect.never
    const spanned = Effect.useSpan(name, optionsOf(attributes()), (span) =>
      Effect.flatMap(Effect.withParentSpan(self, span, { captureStackTrace: false }), (value) => {
        annotate?.(span, value)
        answer = Effect.succeed(value)
        return Effect.void
      }))
    return Effect.flatMap(spanned, () =>
      answer)
  })

/**
 * Begins the span of a stream, which ends with its scope; none where tracing is off.
 *
 * @since 0.1.0
 */
export const stream = (
  fiber: Fiber.Fiber<unknown, unknown>,
  attributes: () => Record<string, unknown>,
  scope: Scope.Scope
): Effect.Effect<Tracer.Span | undefined> =>
  !fiber.getRef(References.TracerEnabled) ? Effect.undefined : Effect.uninterruptible(
    Effect.flatMap(Effect.makeSpan("OpenRouter.stream", optionsOf(attributes())), (span) => {
      const clock = fiber.getRef(Clock.Clock)
      const now = () => fiber.getRef(References.TracerTimingEnabled) ? clock.currentTimeNanosUnsafe() : 0n
      const end = (exit: Exit.Exit<unknown, unknown>) => Effect.sync(() => span.end(now(), Exit.asVoid(exit)))
      return Effect.as(Scope.addFinalizerExit(scope, end), span)
    })
  )

const optionsOf = (attributes: Record<string, unknown>) => ({
  kind: "client" as const,
  captureStackTrace: false,
  attributes: { "gen_ai.provider.name": "openrouter", ...attributes }
})

/**
 * The attributes of an outcome.
 *
 * @since 0.1.0
 */
export const annotateOutcome = (span: Tracer.Span, outcome: Outcome): void => {
  span.attribute("openrouter.outcome", outcome._tag)
  span.attribute("openrouter.attempts", outcome.attempts)
  if (outcome.model !== undefined) span.attribute("gen_ai.response.model", outcome.model)
  if (outcome.response.id !== undefined) span.attribute("gen_ai.response.id", outcome.response.id)
  if (outcome.generationId !== undefined) span.attribute("openrouter.generation_id", outcome.generationId)
  if (outcome.usage?.inputTokens !== undefined) span.attribute("gen_ai.usage.input_tokens", outcome.usage.inputTokens)
  if (outcome.usage?.outputTokens !== undefined) {
    span.attribute("gen_ai.usage.output_tokens", outcome.usage.outputTokens)
  }
  if (outcome.cost !== undefined) span.attribute("openrouter.cost_usd", Usd.toText(outcome.cost))
}
