import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration } from "effect"
import { OpenRouterError as E } from "effect-openrouter"
import * as Verdict from "../../../src/domain/gate/Verdict.ts"
import { t0 } from "./simulation.ts"

const message = "no"
const resetAt = DateTime.makeUnsafe(t0 + 1000)

const limited = (limitSource?: string, limit = 20) =>
  new E.RateLimited({ message, resetAt, limit, ...(limitSource === undefined ? {} : { limitSource }) })

type Row = readonly [
  what: string,
  error: E.OpenRouterError,
  model: string | undefined,
  verdict: "model" | "free" | "account" | "failed" | "reached" | "nothing"
]

const rows: ReadonlyArray<Row> = [
  ["the pool of a provider", limited("upstream_provider_shared_pool"), "a/b", "model"],
  ["the pool of a provider, free", limited("upstream_provider_shared_pool"), "a/b:free", "model"],
  ["the day of the free tier", limited("openrouter_free_tier_daily"), "a/b:free", "free"],
  ["the free tier, of another model", limited("openrouter_free_tier_daily"), "a/b", "free"],
  ["a free model, no source", limited(), "a/b:free", "free"],
  ["the key", limited("openrouter_key_limit"), "a/b", "account"],
  ["the account", limited("openrouter_account_limit"), "a/b", "account"],
  ["credits", limited("openrouter_credits"), "a/b", "account"],
  ["the key, a free model", limited("openrouter_key_limit"), "a/b:free", "account"],
  ["no source", limited(), "a/b", "model"],
  ["a source that is not known", limited("something_new"), "a/b", "model"],
  ["no model", limited(), undefined, "model"],
  ["money in flight", new E.PaymentRequired({ message, isTransient: true }), "a/b", "account"],
  ["no money", new E.PaymentRequired({ message, isTransient: false }), "a/b", "reached"],
  ["503", new E.ProviderOverloaded({ message, resetAt }), "a/b", "failed"],
  ["502", new E.ProviderUnavailable({ message }), "a/b", "failed"],
  ["504", new E.ProviderTimeout({ message }), "a/b", "failed"],
  ["500", new E.ServerError({ message }), "a/b", "failed"],
  ["no connection", new E.ConnectionFailed({ message, phase: "connecting" }), "a/b", "failed"],
  ["our own deadline", new E.TimedOut({ message, phase: "response" }), "a/b", "nothing"],
  ["400", new E.InvalidRequest({ message, origin: "server" }), "a/b", "reached"],
  ["404", new E.ModelUnavailable({ message }), "a/b", "reached"],
  ["401", new E.InvalidApiKey({ message }), "a/b", "reached"],
  ["a request that was not sent", new E.InvalidRequest({ message, origin: "local" }), "a/b", "nothing"]
]

describe("the verdict", () => {
  it.each(rows)("on %s", (_, error, model, expected) => {
    const verdict = Verdict.ofError(error, model)
    const actual = verdict === undefined
      ? "nothing"
      : verdict._tag === "Refused"
      ? verdict.reach
      : verdict._tag.toLowerCase()
    assert.strictEqual(actual, expected)
  })

  it("takes a limit from what announces one, and not from a pool", () => {
    const limitOf = (error: E.RateLimited) => {
      const verdict = Verdict.ofError(error, "a/b")
      return verdict?._tag === "Refused" ? verdict.limit : undefined
    }
    assert.strictEqual(limitOf(limited()), 20)
    assert.strictEqual(limitOf(limited(undefined, 0)), undefined)
    assert.strictEqual(limitOf(limited("upstream_provider_shared_pool")), undefined)
  })

  it.each(rows.filter(([, , , verdict]) => verdict !== "nothing" && verdict !== "reached"))(
    "on a call that is not sent because of %s is of the same tag",
    (_, error, model) => {
      const unsent = Verdict.unsent(error, { model, attempts: 2, until: t0 + 60_000, now: t0 })
      assert.strictEqual(unsent._tag, error._tag === "ProviderTimeout" ? "ProviderUnavailable" : error._tag)
      assert.strictEqual(unsent.message, "not sent again: no")
      assert.strictEqual(unsent.attempts, 2)
      assert.strictEqual(unsent.model, model)
      assert.strictEqual(unsent.cost, undefined)
      if ("retryAfter" in unsent && unsent.retryAfter !== undefined) {
        assert.strictEqual(Duration.toMillis(unsent.retryAfter), 60_000)
      }
    }
  )
})
