/**
 * The span of a call of a tool: `execute_tool {name}`, by OpenTelemetry's conventions for generative AI.
 *
 * It has the name of the tool and the id of the call, never an argument or a result: `Toolkit.handle` writes the arguments into
 * the current span, so what it runs in is a span that does not take them. Nor does the span keep a result or the words of an
 * error alive, for its exit is without them.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"

/** The attributes by which `Toolkit.handle` says what it was called with. */
const withheld: ReadonlySet<string> = new Set(["tool", "parameters"])

/** A span as it is to those that run in it; what is a secret of the call does not get into it. */
class ShieldedSpan implements Tracer.Span {
  readonly _tag = "Span"
  readonly #span: Tracer.Span

  constructor(span: Tracer.Span) {
    this.#span = span
  }
  get name(): string {
    return this.#span.name
  }
  get spanId(): string {
    return this.#span.spanId
  }
  get traceId(): string {
    return this.#span.traceId
  }
  get parent(): Option.Option<Tracer.AnySpan> {
    return this.#span.parent
  }
  get annotations(): Context.Context<never> {
    return this.#span.annotations
  }
  get status(): Tracer.SpanStatus {
    return this.#span.status
  }
  get attributes(): ReadonlyMap<string, unknown> {
    return this.#span.attributes
  }
  get links(): ReadonlyArray<Tracer.SpanLink> {
    return this.#span.links
  }
  get sampled(): boolean {
    return this.#span.sampled
  }
  get kind(): Tracer.SpanKind {
    return this.#span.kind
  }
  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    this.#span.end(endTime, exit)
  }
  attribute(key: string, value: unknown): void {
    if (!withheld.has(key)) this.#span.attribute(key, value)
  }
  event(name: string, startTime: bigint, attributes?: Record<string, unknown>): void {
    this.#span.event(name, startTime, attributes)
  }
  addLinks(links: ReadonlyArray<Tracer.SpanLink>): void {
    this.#span.addLinks(links)
  }
}

/**
 * Runs a call of a tool in a span of its own. `failed` says of a value whether the call failed.
 *
 * @since 0.1.0
 */
export const within = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  call: { readonly callId: string; readonly name: string },
  failed: (value: A) => boolean
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let ended: Effect.Effect<A, E> = Effect.never
    const spanned = Effect.useSpan(`execute_tool ${call.name}`, {
      kind: "internal",
      attributes: {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.name,
        "gen_ai.tool.call.id": call.callId,
        "gen_ai.tool.type": "function"
      }
    }, (span) =>
      self.pipe(
        Effect.withParentSpan(new ShieldedSpan(span), { captureStackTrace: false }),
        Effect.exit,
        Effect.map((exit) => {
          if (Exit.isFailure(exit)) span.attribute("error.type", Cause.hasDies(exit.cause) ? "defect" : "failure")
          else if (failed(exit.value)) span.attribute("error.type", "tool_failure")
          ended = exit
        })
      ))
    return Effect.andThen(spanned, () => ended)
  })
