/**
 * Lets one call begin to answer before others are sent which share their beginning with it, so that a provider's prompt cache is
 * written once and read by all others.
 *
 * In the way of a call it is a middleware: hits of a journal or a cache that stands outside of it do not wait.
 *
 * @since 0.1.0
 */
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { CreateResponse } from "../domain/request/CreateResponse.ts"
import type { Middleware } from "./Middleware.ts"
import { OpenRouter } from "./OpenRouter.ts"

/** More prefixes than a batch has, unless each call has one of its own; those warm each other no more. */
const maxKnown = 10_000

/** Which calls share a cache: those of one model with the same `promptCacheKey`, or without one. */
const keyOf = ({ model, models, promptCacheKey }: CreateResponse): string =>
  JSON.stringify([model, models, promptCacheKey])

/** Who has gone first, by key. */
class FirstCalls {
  readonly #latches = new Map<string, Latch.Latch | undefined>()

  /** The latch to wait for, or to open; `undefined` where the cache is warm. */
  enter(key: string): { readonly isFirst: boolean; readonly latch: Latch.Latch } | undefined {
    const latch = this.#latches.get(key)
    if (latch !== undefined) return { isFirst: false, latch }
    if (this.#latches.has(key)) return undefined
    const first = Latch.makeUnsafe(false)
    this.#latches.set(key, first)
    return { isFirst: true, latch: first }
  }

  /** The first one has begun to answer, or never will: all others go. */
  begun(key: string, latch: Latch.Latch): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#latches.get(key) !== latch) return Effect.void
      this.#latches.set(key, undefined)
      if (this.#latches.size > maxKnown) {
        for (const [oldest, open] of this.#latches) {
          if (open === undefined) {
            this.#latches.delete(oldest)
            break
          }
        }
      }
      return Effect.asVoid(latch.open)
    })
  }
}

/**
 * Makes the middleware. Of streams the first piece of the answer counts as its beginning; a plain call has begun when it has
 * ended. Where the first call fails or is interrupted all others go.
 *
 * @since 0.1.0
 */
export const make = (): Middleware => {
  const firsts = new FirstCalls()
  return (service) =>
    OpenRouter.of({
      ...service,
      outcome: (request) =>
        Effect.suspend(() => {
          const key = keyOf(request)
          const entered = firsts.enter(key)
          if (entered === undefined) return service.outcome(request)
          return entered.isFirst
            ? Effect.onExit(service.outcome(request), () => firsts.begun(key, entered.latch))
            : Effect.andThen(entered.latch.await, service.outcome(request))
        }),
      events: (request) =>
        Channel.suspend(() => {
          const key = keyOf(request)
          const entered = firsts.enter(key)
          if (entered === undefined) return service.events(request)
          if (!entered.isFirst) return Channel.unwrap(Effect.as(entered.latch.await, service.events(request)))
          const begun = firsts.begun(key, entered.latch)
          return service.events(request).pipe(
            // The client holds back what comes before the first piece of the answer, so whatever comes is one.
            Channel.mapEffect((events) => Effect.as(begun, events)),
            Channel.onExit(() => begun)
          )
        })
    })
}
