/**
 * The span of a call, which is the place where its metrics are recorded as well, with a tracer or without.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { CallEnd } from "./CallEnd.ts"
import type { CallReport } from "./CallReport.ts"
import * as GenAi from "./GenAi.ts"
import type { Running } from "./Sending.ts"

/**
 * Runs a call in a span of its own and tells how it ended; does nothing where nobody wants to know. The call is made when
 * its span has begun, of which its requests may have to tell.
 *
 * @since 0.1.0
 */
export const call = <A, E>(
  running: Running,
  make: () => Effect.Effect<A, E>,
  endOf: (exit: Exit.Exit<A, E>) => CallEnd
): Effect.Effect<A, E> => {
  const { report } = running
  if (report === undefined) return make()
  const ended = (exit: Exit.Exit<A, E>) => told(report, () => endOf(exit))
  return !report.isTraced
    ? Effect.onExit(make(), ended)
    : Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        begun(running, report),
        (span) => Effect.onExit(restore(Effect.provideService(make(), Tracer.ParentSpan, span)), ended)
      )
    )
}

/**
 * Begins the span of a stream, which ends with its scope; none where tracing is off.
 *
 * @since 0.1.0
 */
export const stream = (
  running: Running,
  scope: Scope.Scope,
  endOf: (exit: Exit.Exit<unknown, unknown>) => CallEnd
): Effect.Effect<Tracer.Span | undefined> => {
  const { report } = running
  if (report === undefined) return Effect.undefined
  const ending = Scope.addFinalizerExit(scope, (exit) => told(report, () => endOf(exit)))
  return !report.isTraced
    ? Effect.as(ending, undefined)
    : Effect.uninterruptible(Effect.tap(begun(running, report), () => ending))
}

const begun = (running: Running, report: CallReport): Effect.Effect<Tracer.Span> =>
  Effect.map(
    Effect.makeSpan(GenAi.spanNameOf(report.kind), options),
    (span) => {
      report.begins(span)
      running.traced()
      return span
    }
  )

const options: Tracer.SpanOptions = { kind: "client", captureStackTrace: false }

/** Whoever fails to take note must not lose an answer that was paid for. */
const told = (report: CallReport, endOf: () => CallEnd): Effect.Effect<void> => {
  try {
    report.ends(endOf())
    return Exit.void
  } catch (cause) {
    return Effect.logError("the end of a call could not be told", cause)
  }
}
