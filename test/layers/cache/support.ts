import { Effect, Layer } from "effect"
import { OpenRouter, ResponseCache, RetryPolicy } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { Persistence } from "effect/persistence"
import { emulated, model } from "../client/support.ts"

export const once = RetryPolicy.with(RetryPolicy.none)

export const ask = (input = "Hello") => OpenRouter.respond({ model, input })

/** How many requests for answers the emulator has had. */
export const requests = Emulator.Emulator.use((emulator) => Effect.map(emulator.requests, (all) => all.length))

/** The client of an emulator behind a cache. */
export const cached = <E = never, R = never>(
  options: ResponseCache.Options<E, R> = {},
  emulator: Emulator.Options = {}
) => ResponseCache.layer(options).pipe(Layer.provideMerge(emulated(emulator)))

/** A backing in a map, which the test can break: it fails, or hangs, from when it is told. */
export const breakable = Effect.gen(function*() {
  const answers = new Map<string, object>()
  let mood: "fine" | "fails" | "hangs" | "lost" = "fine"
  let asked = 0
  const said = <A>(value: () => A): Effect.Effect<A, Persistence.PersistenceError> =>
    Effect.suspend((): Effect.Effect<A, Persistence.PersistenceError> => {
      asked++
      switch (mood) {
        case "fine":
          return Effect.sync(value)
        case "fails":
          return Effect.fail(new Persistence.PersistenceError({ message: "down" }))
        case "hangs":
          return Effect.never
        case "lost":
          return Effect.uninterruptible(Effect.never)
      }
    })
  const store: Persistence.BackingPersistenceStore = {
    get: (key) => said(() => answers.get(key)),
    getMany: () => Effect.die("not used"),
    set: (key, value) => said(() => void answers.set(key, JSON.parse(JSON.stringify(value)))),
    setMany: () => Effect.die("not used"),
    remove: (key) => said(() => void answers.delete(key)),
    clear: said(() => answers.clear())
  }
  return {
    answers,
    layer: Layer.succeed(Persistence.BackingPersistence, { make: () => Effect.succeed(store) }),
    is: (next: typeof mood) =>
      Effect.sync(() => {
        mood = next
      }),
    asked: Effect.sync(() => asked)
  }
})
