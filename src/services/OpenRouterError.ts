/**
 * Every way a call can go wrong, and how to handle several of them at once; see `domain/error/OpenRouterError`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import { isOfGroup, isOpenRouterError } from "../domain/error/ErrorGroup.ts"
import type { Group, OfGroup } from "../domain/error/ErrorGroup.ts"
import type { OpenRouterError } from "../domain/error/OpenRouterError.ts"

export { type Group, groupOf, isOfGroup, isOpenRouterError, type OfGroup } from "../domain/error/ErrorGroup.ts"
export * from "../domain/error/OpenRouterError.ts"

/** What is done about groups of errors. */
type Handlers<E, Result> = { readonly [G in Group]?: ((error: OfGroup<G, E>) => Result) | undefined }

/** Nothing under names that are no groups. */
type NoOthers<H> = { readonly [K in Exclude<keyof H, Group>]: never }

type AnyEffect = Effect.Effect<unknown, unknown, unknown>

type AnyStream = Stream.Stream<unknown, unknown, unknown>

/** What the handlers give. */
type Handled<H> = H[keyof H] extends infer F ? F extends (...args: never) => infer Result ? Result : never : never

type Success<P> = P extends Effect.Effect<infer A, infer _E, infer _R> ? A
  : P extends Stream.Stream<infer A, infer _E, infer _R> ? A
  : never

type Failure<P> = P extends Effect.Effect<infer _A, infer E, infer _R> ? E
  : P extends Stream.Stream<infer _A, infer E, infer _R> ? E
  : never

type Needs<P> = P extends Effect.Effect<infer _A, infer _E, infer R> ? R
  : P extends Stream.Stream<infer _A, infer _E, infer R> ? R
  : never

/** The errors that no handler takes. */
type Left<E, H> = Exclude<E, OfGroup<Extract<keyof H, Group>, E>>

/**
 * Handles errors by what they mean for the caller. A group that is not named stays in the error channel, and so does what is no
 * error of this library.
 *
 * **Example** (All errors, in four lines)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { OpenRouter, OpenRouterError } from "effect-openrouter"
 *
 * const program = OpenRouter.respond({ model: "openai/gpt-5", input: "Hello" }).pipe(
 *   Effect.map((answer) => answer.text),
 *   OpenRouterError.catchGroups({
 *     unavailable: () => Effect.succeed("Come back later."),
 *     rejected: (error) => Effect.die(error),
 *     unfunded: () => Effect.succeed("Come back tomorrow."),
 *     noAnswer: (error) => Effect.succeed(error.partialText ?? "I have no answer to that.")
 *   })
 * )
 *
 * // Nothing is left that could go wrong.
 * const answer: Effect.Effect<string, never, OpenRouter.OpenRouter> = program
 * ```
 *
 * @since 0.1.0
 */
export const catchGroups: {
  <E, const H extends Handlers<E, AnyEffect> & NoOthers<H>>(
    handlers: H
  ): <A, R>(
    self: Effect.Effect<A, E, R>
  ) => Effect.Effect<A | Success<Handled<H>>, Left<E, H> | Failure<Handled<H>>, R | Needs<Handled<H>>>
  <A, E, R, const H extends Handlers<E, AnyEffect> & NoOthers<H>>(
    self: Effect.Effect<A, E, R>,
    handlers: H
  ): Effect.Effect<A | Success<Handled<H>>, Left<E, H> | Failure<Handled<H>>, R | Needs<Handled<H>>>
} = /* @__PURE__ */ dual(
  2,
  (self: AnyEffect, handlers: Handlers<OpenRouterError, AnyEffect>): AnyEffect =>
    Effect.catch(self, (error) => handled(error, handlers) ?? Effect.fail(error))
)

/**
 * The same of a stream, whose handlers give the stream that comes in the place of what is missing.
 *
 * @since 0.1.0
 */
export const catchGroupsStream: {
  <E, const H extends Handlers<E, AnyStream> & NoOthers<H>>(
    handlers: H
  ): <A, R>(
    self: Stream.Stream<A, E, R>
  ) => Stream.Stream<A | Success<Handled<H>>, Left<E, H> | Failure<Handled<H>>, R | Needs<Handled<H>>>
  <A, E, R, const H extends Handlers<E, AnyStream> & NoOthers<H>>(
    self: Stream.Stream<A, E, R>,
    handlers: H
  ): Stream.Stream<A | Success<Handled<H>>, Left<E, H> | Failure<Handled<H>>, R | Needs<Handled<H>>>
} = /* @__PURE__ */ dual(
  2,
  (self: AnyStream, handlers: Handlers<OpenRouterError, AnyStream>): AnyStream =>
    Stream.catch(self, (error) => handled(error, handlers) ?? Stream.fail(error))
)

/** What the handler of an error gives; `undefined` where there is none. */
const handled = <Result>(error: unknown, handlers: Handlers<OpenRouterError, Result>): Result | undefined => {
  if (!isOpenRouterError(error)) return undefined
  if (isOfGroup(error, "unavailable")) return handlers.unavailable?.(error)
  if (isOfGroup(error, "rejected")) return handlers.rejected?.(error)
  return isOfGroup(error, "unfunded") ? handlers.unfunded?.(error) : handlers.noAnswer?.(error)
}
