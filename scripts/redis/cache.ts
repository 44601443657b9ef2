/** A response cache in Redis: after a restart, without Redis, with one that stands still, and with one that is back. */
import { NodeRedis } from "@effect/platform-node"
import { Effect, Layer, Logger } from "effect"
import { OpenRouter, ResponseCache } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { Persistence } from "effect/persistence"
import type { Report } from "../conformance/report.ts"
import type { RedisServer } from "./server.ts"

const ask = (input: string) =>
  Effect.map(OpenRouter.respond({ model: "openai/gpt-5", input }), ({ cache, text }) => ({
    text,
    isHit: cache?.status === "HIT"
  }))

/** Runs the checks. */
export const checkCache = (redis: RedisServer, report: Report) =>
  Effect.gen(function*() {
    const equal = (name: string, actual: unknown, expected: unknown) => {
      const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
      report.check(name, a === b ? undefined : `${a} instead of ${b}`)
    }
    let answers = 0
    let lines = 0
    const counting = Logger.layer([Logger.make(() => {
      lines++
    })])
    /** A process of its own, as far as the cache can tell. */
    const started = <A, E>(program: Effect.Effect<A, E, OpenRouter.OpenRouter>, disableOfflineQueue = true) =>
      program.pipe(
        Effect.provide(
          ResponseCache.layer({
            store: Persistence.layerBackingRedis.pipe(
              Layer.provide(NodeRedis.layer({ url: redis.url, disableOfflineQueue }))
            ),
            capacity: 0,
            readTimeout: "300 millis"
          }).pipe(Layer.provide(OpenRouterTest.layer(() => String(++answers)))),
          { local: true }
        ),
        Effect.provide(counting)
      )

    equal("an answer is new at first", yield* started(ask("a")), { text: "1", isHit: false })
    equal("and is there after a restart", yield* started(ask("a")), { text: "1", isHit: true })

    yield* redis.kill
    equal("without Redis at the start the call is made", yield* started(ask("a")), { text: "2", isHit: false })
    equal("also where commands wait for Redis", yield* started(ask("a"), false), { text: "3", isHit: false })

    yield* redis.start
    yield* started(Effect.gen(function*() {
      yield* ask("b")
      // Until then it is answered from what is being written.
      yield* Effect.sleep("200 millis")
      equal("with Redis back it is asked again", yield* ask("b"), { text: "4", isHit: true })
      yield* redis.signal("SIGSTOP")
      const before = lines
      const [duration, all] = yield* Effect.timed(Effect.forEach(["b", "c", "d", "e"], ask))
      equal("one that stands still costs no answer", all.map(({ text }) => text), ["5", "6", "7", "8"])
      report.check(
        "and is waited for once",
        Number(duration) > 1200 ? `${Number(duration)} milliseconds` : undefined
      )
      report.check("which is logged", lines > before ? undefined : "nothing was logged")
      yield* redis.signal("SIGCONT")
    }))
  })
