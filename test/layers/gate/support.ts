import { Clock, Effect, Exit, Fiber, Layer } from "effect"
import { OpenRouter, RateGate } from "effect-openrouter"
import { HttpClient, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { apiKey, failure, ok } from "../client/support.ts"
import type { Reply } from "../client/support.ts"

/** A server with a limit, and what it has seen. */
export interface Limited {
  readonly limit: () => number
  /** Milliseconds. */
  readonly window: number
  /** When its first window begins. */
  readonly phase: number
  readonly latency: number
  readonly announces: "headers" | "nothing"
}

export interface Seen {
  readonly sent: Array<{ readonly at: number; readonly model: string; readonly status: number; readonly input: string }>
}

const modelOf = (body: string): { readonly model: string; readonly input: string } => JSON.parse(body)

/** A client over a server that answers by `reply`, given the instant and the model. */
export const answering = (
  seen: Seen,
  reply: (now: number, model: string) => { readonly reply: Reply; readonly after: number },
  gate: Layer.Layer<RateGate.RateGate> = RateGate.layer()
): Layer.Layer<OpenRouter.OpenRouter | RateGate.RateGate> =>
  OpenRouter.layer({ apiKey }).pipe(
    Layer.provide(gate),
    Layer.provide(Layer.succeed(
      HttpClient.HttpClient,
      HttpClient.make(Effect.fnUntraced(function*(request) {
        const now = yield* Clock.currentTimeMillis
        const { body } = request
        const text = body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : "{}"
        const { input, model } = modelOf(text)
        const { after, reply: answer } = reply(now, model)
        seen.sent.push({ at: now, model, status: answer.status ?? 200, input })
        if (after > 0) yield* Effect.sleep(after)
        return HttpClientResponse.fromWeb(
          request,
          new Response(answer.body, { status: answer.status ?? 200, headers: { ...answer.headers } })
        )
      }))
    ))
  )

/** A client over a server with a limit for all models together. */
export const limited = (seen: Seen, options: Limited) => {
  let window = -1
  let taken = 0
  return answering(seen, (now) => {
    const index = Math.floor((now - options.phase) / options.window)
    if (index !== window) {
      window = index
      taken = 0
    }
    if (taken >= options.limit()) {
      const reset = options.phase + (index + 1) * options.window
      const headers = {
        "x-ratelimit-limit": `${options.limit()}`,
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": `${reset}`
      }
      return { reply: failure(429, options.announces === "headers" ? { headers } : {}), after: 0 }
    }
    taken++
    return { reply: ok(), after: options.latency }
  })
}

/** Runs an effect while time goes on by steps of so many milliseconds; gives its exit and how long it took. */
export const passing = <A, E, R>(self: Effect.Effect<A, E, R>, step = 5) =>
  Effect.gen(function*() {
    const start = yield* Clock.currentTimeMillis
    const fiber = yield* Effect.forkChild(Effect.exit(self), { startImmediately: true })
    while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust(step)
    const exit = yield* Fiber.join(fiber)
    if (Exit.isFailure(exit)) return yield* Effect.failCause(exit.cause)
    return { value: exit.value, millis: (yield* Clock.currentTimeMillis) - start }
  })
