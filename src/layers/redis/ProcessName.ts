/**
 * What tells a process from the others that share a Redis.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

const part = Effect.map(Random.nextIntBetween(0, 2 ** 48), (drawn) => drawn.toString(36))

/**
 * A name that no other process draws, also where all of them run a program with one seed (`Random.withSeed`): two of one name
 * would take each other's reservations for their own.
 *
 * @since 0.1.0
 */
export const drawn: Effect.Effect<string> = /* @__PURE__ */ Effect.suspend(() =>
  Effect.provideService(
    Effect.zipWith(part, part, (first, second) => `${first}-${second}`),
    Random.Random,
    Random.Random.defaultValue()
  )
)
