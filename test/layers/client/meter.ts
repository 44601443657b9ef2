import { Cause, Effect, Exit, Fiber, Option, Predicate } from "effect"
import { Admission } from "effect-openrouter"
import { TestClock } from "effect/testing"
import { atT0 } from "./support.ts"

/** One attempt that a meter has admitted, and every end that it was told. */
export interface Metered {
  readonly attempt: Admission.Attempt
  readonly ends: Array<Admission.Ended>
}

/** Keeps all that it sees, as an admission that a user might write. */
export const make = (stage: Admission.Stage = "observe") => {
  const seen: Array<Metered> = []
  const admission: Admission.Admission = {
    stage,
    admit: (attempt) =>
      Effect.sync(() => {
        const ends: Array<Admission.Ended> = []
        seen.push({ attempt, ends })
        return (ended) => Effect.sync(() => void ends.push(ended))
      })
  }
  return { admission, seen }
}

/** In a word: the tag of an outcome or an error, or what else an exit is. */
export const wordOf = (exit: Exit.Exit<unknown, { readonly _tag: string }>): string => {
  if (Exit.isSuccess(exit)) {
    return Predicate.hasProperty(exit.value, "_tag") ? String(exit.value._tag) : "answered"
  }
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  return error?._tag ?? (Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "died")
}

/** How each attempt ended, in the order of their beginning; an attempt that was told several ends shows them all. */
export const words = (seen: ReadonlyArray<Metered>): ReadonlyArray<string> =>
  seen.map(({ ends }) =>
    ends.map((ended) => ended._tag === "NotSent" ? `not sent: ${wordOf(ended.exit)}` : wordOf(ended.exit)).join(
      " and "
    ) ||
    "never told"
  )

/** Runs an effect in its own fiber from an instant that looks like one, and lets time pass until it must be over. */
export const patiently = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    yield* atT0
    const fiber = yield* Effect.forkChild(self, { startImmediately: true })
    yield* TestClock.adjust("3 hours")
    return yield* Fiber.join(fiber)
  })

/** Runs an effect with a meter on it, and tells what the meter saw. */
export const metered = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const { admission, seen } = make()
    return Effect.map(Effect.exit(Admission.with(self, admission)), (exit) => ({ exit, seen }))
  })
