/**
 * What a test expects of a call, in any test runner: nothing here needs one.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Usd from "../../domain/money/Usd.ts"
import type { Outcome } from "../../domain/outcome/Outcome.ts"
import * as Shown from "./Shown.ts"
import { TestFailure } from "./TestFailure.ts"

/** The tags of the errors among them. */
type TagOf<E> = E extends { readonly _tag: infer Tag extends string } ? Tag : never

/** An effect, or a stream that is run to its end. */
type Run<A, E, R> = Effect.Effect<A, E, R> | Stream.Stream<A, E, R>

const runOf = <A, E, R>(self: Run<A, E, R>): Effect.Effect<unknown, E, R> =>
  Stream.isStream(self) ? Stream.runDrain(self) : self

/**
 * Expects a call (an effect, or a stream run to its end) to fail with the error of this tag, and gives that error. Anything
 * else fails the test with a message that says what came instead.
 *
 * **Example** (A refusal, in the model's words)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 * import { OpenRouterTest } from "effect-openrouter/testing"
 *
 * const test = OpenRouter.respond({ model: "openai/gpt-5", input: "What does Bob want?" }).pipe(
 *   OpenRouterTest.expectError("Refused"),
 *   Effect.map((error) => error.refusal),
 *   Effect.provide(OpenRouterTest.layer(OpenRouterTest.refused("no")))
 * )
 * ```
 *
 * @since 0.1.0
 */
export const expectError: {
  <E, const Tag extends TagOf<E>>(
    tag: Tag
  ): <A, R>(self: Run<A, E, R>) => Effect.Effect<Extract<E, { readonly _tag: Tag }>, never, R>
  <A, E, R, const Tag extends TagOf<E>>(
    self: Run<A, E, R>,
    tag: Tag
  ): Effect.Effect<Extract<E, { readonly _tag: Tag }>, never, R>
} = /* @__PURE__ */ dual(
  2,
  <A, E, R, const Tag extends TagOf<E>>(
    self: Run<A, E, R>,
    tag: Tag
  ): Effect.Effect<Extract<E, { readonly _tag: Tag }>, never, R> =>
    Effect.flatMap(Effect.result(runOf(self)), (ended) =>
      Result.isFailure(ended) && hasTag(ended.failure, tag)
        ? Effect.succeed(ended.failure)
        : Effect.die(
          new TestFailure(
            Result.isFailure(ended)
              ? `expected the error ${tag}, but it failed with ${Shown.value(ended.failure)}`
              : `expected the error ${tag}, but it succeeded with ${Shown.value(ended.success)}`
          )
        ))
)

const hasTag = <E, Tag extends string>(u: E, tag: Tag): u is Extract<E, { readonly _tag: Tag }> =>
  Predicate.isTagged(u, tag)

/**
 * Expects an outcome of this tag, and gives it. Anything else, an error included, fails the test with a message that says
 * what came instead.
 *
 * @since 0.1.0
 */
export const expectOutcome: {
  <const Tag extends Outcome["_tag"]>(
    tag: Tag
  ): <E, R>(self: Effect.Effect<Outcome, E, R>) => Effect.Effect<Extract<Outcome, { readonly _tag: Tag }>, never, R>
  <E, R, const Tag extends Outcome["_tag"]>(
    self: Effect.Effect<Outcome, E, R>,
    tag: Tag
  ): Effect.Effect<Extract<Outcome, { readonly _tag: Tag }>, never, R>
} = /* @__PURE__ */ dual(
  2,
  <E, R, const Tag extends Outcome["_tag"]>(
    self: Effect.Effect<Outcome, E, R>,
    tag: Tag
  ): Effect.Effect<Extract<Outcome, { readonly _tag: Tag }>, never, R> =>
    Effect.flatMap(Effect.result(self), (ended) =>
      Result.isSuccess(ended) && hasTag(ended.success, tag)
        ? Effect.succeed(ended.success)
        : Effect.die(
          new TestFailure(
            Result.isSuccess(ended)
              ? `expected the outcome ${tag}, but it is ${Shown.value(ended.success)}`
              : `expected the outcome ${tag}, but it failed with ${Shown.value(ended.failure)}`
          )
        ))
)

/**
 * Throws unless two values are equal, with a line for each place where they differ: amounts as money, instants as ISO texts,
 * texts in quotes. A field that is absent equals one that is `undefined`, so requests can be written down as they are meant.
 *
 * **Example** (What was asked)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { OpenRouterTest } from "effect-openrouter/testing"
 *
 * const test = Effect.map(OpenRouterTest.calls, ([request]) => {
 *   OpenRouterTest.expectEqual(request, { model: "openai/gpt-5", input: "What does Bob want?" })
 * })
 * ```
 *
 * @since 0.1.0
 */
export const expectEqual = (actual: unknown, expected: unknown): void => {
  const found = differences(actual, expected, "")
  if (found.length === 0) return
  const more = found.length > maxLines ? [`  and ${found.length - maxLines} more`] : []
  throw new TestFailure(["not equal:", ...found.slice(0, maxLines).map((line) => `  ${line}`), ...more].join("\n"))
}

const maxLines = 10

const differences = (actual: unknown, expected: unknown, path: string): ReadonlyArray<string> => {
  if (isEqual(actual, expected)) return []
  if (isPlain(actual) && isPlain(expected) && Array.isArray(actual) === Array.isArray(expected)) {
    const keys = new Set([...Object.keys(actual), ...Object.keys(expected)])
    return Array.from(keys).flatMap((key) =>
      differences(Reflect.get(actual, key), Reflect.get(expected, key), join(path, key, Array.isArray(actual)))
    )
  }
  return [`${path === "" ? "the whole of it" : path}: ${shown(actual)}, expected ${shown(expected)}`]
}

const shown = (u: unknown): string => u === undefined ? "nothing" : Shown.value(u)

const join = (path: string, key: string, isIndex: boolean): string =>
  isIndex ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`

const isEqual = (a: unknown, b: unknown): boolean => {
  if (Usd.isUsd(a) && Usd.isUsd(b)) return Usd.equals(a, b)
  return Object.is(a, b) || !isPlain(a) && !isPlain(b) && Equal.equals(a, b)
}

/** What has parts of its own to compare: plain objects and lists, and no classes. */
const isPlain = (u: unknown): u is object => {
  if (!Predicate.isObjectOrArray(u)) return false
  const prototype: unknown = Object.getPrototypeOf(u)
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null
}

/**
 * As much of the `expect` of vitest, jest or bun as {@link extendExpect} uses.
 *
 * @since 0.1.0
 */
export interface Expect {
  /** Makes `toEqual` and its siblings ask these first. */
  addEqualityTesters?(testers: Array<(a: unknown, b: unknown) => boolean | undefined>): void
  /** Makes snapshots show values in this way. */
  addSnapshotSerializer?(serializer: {
    readonly test: (value: unknown) => boolean
    readonly serialize: (value: unknown) => string
  }): void
}

/**
 * Teaches a runner's `expect` this library's data: amounts, instants, durations and options are compared by value, and
 * amounts are money in snapshots. Call it once, in a setup file: `OpenRouterTest.extendExpect(expect)`.
 *
 * What a runner cannot learn is left as it is: Bun's `expect` takes neither (it compares amounts by value all the same).
 *
 * @since 0.1.0
 */
export const extendExpect = (expect: Expect): void => {
  expect.addEqualityTesters?.([
    (a, b) => Usd.isUsd(a) && Usd.isUsd(b) ? Usd.equals(a, b) : undefined,
    (a, b) => Equal.isEqual(a) && Equal.isEqual(b) ? Equal.equals(a, b) : undefined
  ])
  try {
    expect.addSnapshotSerializer?.({ test: Usd.isUsd, serialize: Shown.value })
  } catch (error) {
    // Bun has the function, which throws.
    if (!(error instanceof Error && /not implemented/i.test(error.message))) throw error
  }
}
