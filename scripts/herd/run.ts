/** Lets the herds of a scenario loose on a server and waits until the last call has ended, or until time is up. */
import { Clock, Effect, Exit, Fiber } from "effect"
import { OpenRouter } from "effect-openrouter"
import type { Books, Ended, Measure } from "./measure.ts"
import { measure } from "./measure.ts"
import type { Herd, Scenario } from "./scenarios.ts"

/** How long to wait for the last call, in milliseconds: what takes longer has no end. */
export const patience = 15 * 60 * 1000

const call = (herd: Herd, index: number) =>
  OpenRouter.respond({ model: herd.models[index % herd.models.length] ?? "", input: `${herd.name} ${index}` })

/** All calls of a scenario, each herd at once; gives when each began to be over, herd by herd. */
const loose = Effect.fnUntraced(function*(scenario: Scenario) {
  const ended = scenario.herds.map(({ calls }) => Array.from({ length: calls }, (): Ended => unended))
  const fiber = yield* Effect.forkChild(Effect.forEach(
    scenario.herds.flatMap((herd, at) => Array.from({ length: herd.calls }, (_, index) => ({ herd, at, index }))),
    ({ at, herd, index }) =>
      Effect.flatMap(
        Effect.exit(Effect.delay(call(herd, index), herd.startsAfter ?? 0)),
        (exit) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            ended[at]?.splice(index, 1, { at: now, error: errorOf(exit) })
          })
      ),
    { concurrency: "unbounded", discard: true }
  ))
  return { ended, fiber }
})

const unended: Ended = { at: undefined, error: "no end" }

const errorOf = (exit: Exit.Exit<unknown, { readonly _tag: string }>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const [reason] = exit.cause.reasons
  return reason?._tag === "Fail" ? reason.error._tag : reason?._tag ?? "unknown"
}

/**
 * Runs a scenario. `pass` lets time pass and says when everything is over or has taken too long; `books` are the server's.
 */
export const run = Effect.fnUntraced(function*<E, R>(
  scenario: Scenario,
  pass: (fiber: Fiber.Fiber<void>) => Effect.Effect<void>,
  books: Effect.Effect<Books, E, R>
) {
  const startedAt = yield* Clock.currentTimeMillis
  const { ended, fiber } = yield* loose(scenario)
  yield* pass(fiber)
  yield* Fiber.interrupt(fiber)
  const seen = yield* books
  return scenario.herds.map((herd, at): readonly [Herd, Measure] => [
    herd,
    measure(herd, scenario, startedAt + (herd.startsAfter ?? 0), ended[at] ?? [], seen)
  ])
})
