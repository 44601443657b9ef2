import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { OpenRouter } from "effect-openrouter"
import { below, mutate, pick, type Random } from "./mutate.ts"
import { answers, type Fed, fed, fuzz, recorded, type Tally, tally, unsendable, wrong } from "./support.ts"

const request = { model: "openai/gpt-5", input: "Hello" }

const statuses = [200, 200, 200, 200, 400, 401, 402, 403, 404, 413, 429, 500, 503, 529, 599, 302, 201]

const odd = ["0", "-5", "1e99", "NaN", "", "Tue, 99 Foo", "99999999999999999999", "Infinity", "1790000000000"]

const headersOf = (random: Random): Record<string, string> => ({
  "content-type": pick(random, ["application/json", "text/html", "text/plain", ""], ""),
  ...(random() < 0.3 ? { "retry-after": pick(random, odd, "") } : {}),
  ...(random() < 0.3 ? { "x-ratelimit-reset": pick(random, odd, "") } : {}),
  ...(random() < 0.5 ? { "x-generation-id": pick(random, odd, "") } : {})
})

describe("a body that was changed at random", () => {
  it.live("is an outcome or a typed error", () =>
    Effect.gen(function*() {
      const server: Fed = { next: () => new Response() }
      const seen: Tally = new Map()
      const corpus = [...yield* answers, ...recorded("responses"), ...recorded("errors")]
      yield* fuzz({
        name: "bodies",
        cases: 8000,
        corpus,
        mutate,
        run: ({ text }, random) => {
          const status = below(random, 2) === 0 ? 200 : pick(random, statuses, 200)
          server.next = () => new Response(text, { status, headers: headersOf(random) })
          return Effect.map(Effect.exit(OpenRouter.outcome(request)), (exit) => {
            tally(seen, exit)
            return wrong(exit) ?? unsendable(exit)
          })
        }
      }).pipe(Effect.provide(fed(server)))
      // A fuzz that ends everything in the same way tests nothing.
      assert.isAtLeast(seen.size, 15, Array.from(seen.keys()).join(", "))
    }), 60_000)
})
