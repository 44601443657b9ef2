/**
 * A part of a program, and the settings that hold for it.
 *
 * Settings such as the retry policy, the deadlines or the scopes of a ledger are references. A combinator that sets one
 * takes an effect or a stream, first or last, and gives back the same kind with the same type; what it says holds for all
 * calls inside, forked ones included. Each refines what encloses it.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/**
 * A part of a program: an effect or a stream.
 *
 * @since 0.1.0
 */
export type Program = Effect.Effect<unknown, unknown, unknown> | Stream.Stream<unknown, unknown, unknown>

/**
 * What a part of a program is when a setting has been put around it: an effect or a stream with the same types, and no
 * longer the `Exit`, `Config` or service that it may have been.
 *
 * @since 0.1.0
 */
export type Within<P> = P extends Stream.Stream<infer A, infer E, infer R> ? Stream.Stream<A, E, R>
  : P extends Effect.Effect<infer A, infer E, infer R> ? Effect.Effect<A, E, R>
  : never

/**
 * Changes a reference for a part of a program.
 *
 * @since 0.1.0
 */
export function update<P extends Program, A>(
  self: P,
  reference: Context.Reference<A>,
  f: (outer: NoInfer<A>) => NoInfer<A>
): Within<P>
export function update<A>(self: Program, reference: Context.Reference<A>, f: (outer: A) => A): Program {
  return Stream.isStream(self)
    ? Stream.updateService(self, reference, f)
    : Effect.updateService(self, reference, f)
}

/**
 * Changes several references for a part of a program, or one by what others are.
 *
 * @since 0.1.0
 */
export function updateContext<P extends Program>(
  self: P,
  f: <R>(context: Context.Context<R>) => Context.Context<R>
): Within<P>
export function updateContext(self: Program, f: <R>(context: Context.Context<R>) => Context.Context<R>): Program {
  return Stream.isStream(self)
    ? Stream.updateContext(self, (context: Context.Context<unknown>) => f(context))
    : Effect.updateContext(self, (context: Context.Context<unknown>) => f(context))
}
