import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { OpenRouter } from "effect-openrouter"
import { atT0, model, t0 } from "../client/support.ts"
import { limited, passing } from "./support.ts"
import type { Seen } from "./support.ts"

const herd = (calls: number) =>
  Effect.all(
    Array.from({ length: calls }, (_, n) => Effect.exit(OpenRouter.respond({ model, input: `${n}` }))),
    { concurrency: "unbounded" }
  )

describe("waiting one's turn for longer than maxWait", () => {
  it.effect.each(
    [
      { announces: "headers", limit: 20, window: 60_000, calls: 120, minutes: 6 },
      { announces: "headers", limit: 1, window: 60_000, calls: 6, minutes: 6 },
      { announces: "nothing", limit: 20, window: 60_000, calls: 60, minutes: 8 }
    ] as const
  )(
    "is no reason to give up: $calls calls at $limit a minute, $announces announced",
    (options) =>
      Effect.gen(function*() {
        yield* atT0
        const seen: Seen = { sent: [] }
        const { announces, calls, limit, minutes, window } = options
        const client = limited(seen, { announces, limit: () => limit, window, phase: t0 - 30_000, latency: 300 })
        const { millis, value } = yield* passing(Effect.provide(herd(calls), client), 50)
        assert.strictEqual(value.filter(Exit.isFailure).length, 0)
        assert.isAtMost(millis, minutes * 60_000)
      }),
    30_000
  )
})
