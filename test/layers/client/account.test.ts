import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { OpenRouter, Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { ask, emulated, failure, final, json, scripted, sent, served } from "./support.ts"
import type { Reply } from "./support.ts"

const money = (usd: Usd.Usd | undefined) => usd === undefined ? undefined : Usd.toText(usd)

describe("the key", () => {
  it.effect("says its limits and its usage, over real HTTP", () =>
    Effect.gen(function*() {
      const { cost } = yield* ask()
      const key = yield* OpenRouter.key
      assert.strictEqual(money(key.usage), money(cost))
      assert.strictEqual(key.isFreeTier, false)
      assert.strictEqual(key.limit, undefined)
      assert.strictEqual(key.freeModelDailyRequests?.limit, 1000)
    }).pipe(Effect.provide(final(served()))))

  it.effect("with figures is exact", () =>
    Effect.gen(function*() {
      const key = yield* OpenRouter.key
      assert.deepStrictEqual(
        [money(key.limit), money(key.limitRemaining), money(key.usage), money(key.usageDaily)],
        ["10", "0.1", "9.9", undefined]
      )
      assert.strictEqual(key.label, "sk-or-v1-abc...def")
      assert.strictEqual(key.limitReset, "monthly")
      const [request] = yield* sent
      assert.deepInclude(request, { method: "GET", url: "https://openrouter.ai/api/v1/key" })
    }).pipe(Effect.provide(final(scripted([json({
      data: {
        label: "sk-or-v1-abc...def",
        limit: 10,
        limit_remaining: 0.1,
        limit_reset: "monthly",
        usage: 9.9,
        usage_daily: null,
        rate_limit: { requests: -1 },
        something_new: [1]
      }
    })])))))
})

describe("credits", () => {
  it.effect("are what was bought and used", () =>
    Effect.gen(function*() {
      const { cost } = yield* ask()
      const credits = yield* OpenRouter.credits
      assert.strictEqual(money(credits.totalCredits), "12.5")
      assert.strictEqual(money(credits.totalUsage), money(cost))
    }).pipe(Effect.provide(final(emulated({ credits: "12.5" })))))

  it.effect("need a management key", () =>
    Effect.gen(function*() {
      const error = yield* OpenRouter.credits.pipe(
        Effect.as(undefined),
        Effect.catchTag("AccessDenied", Effect.succeed)
      )
      assert.deepInclude(error, { status: 403, message: "Only management keys can do this.", attempts: 1 })
    }).pipe(Effect.provide(final(served({
      rules: [{
        when: { path: "/credits" },
        reply: Emulator.Reply.failure(403, { message: "Only management keys can do this." })
      }]
    })))))
})

describe("a wrong key", () => {
  it.effect("is InvalidApiKey at each endpoint", () =>
    Effect.gen(function*() {
      for (const call of [Effect.asVoid(ask()), Effect.asVoid(OpenRouter.key), Effect.asVoid(OpenRouter.credits)]) {
        const error = yield* Effect.flip(call)
        assert.deepInclude({ ...error }, { _tag: "InvalidApiKey", status: 401 })
      }
    }).pipe(Effect.provide(final(served({ keys: ["another"] })))))
})

describe("bodies that make no sense are typed errors", () => {
  const bodies: ReadonlyArray<readonly [name: string, reply: Reply, tag: string]> = [
    ["HTML", { body: "<html>" }, "MalformedResponse"],
    ["nothing", { body: "" }, "MalformedResponse"],
    ["null", { body: "null" }, "MalformedResponse"],
    ["a list", { body: "[]" }, "MalformedResponse"],
    ["no data", json({}), "MalformedResponse"],
    ["data: null", json({ data: null }), "MalformedResponse"],
    ["data: a list", json({ data: [] }), "MalformedResponse"],
    ["credits that are text", json({ data: { total_credits: "1", total_usage: "much" } }), "MalformedResponse"],
    ["an error in a 200", json({ error: { code: 502, message: "m" } }), "ProviderUnavailable"],
    ["an error in a 200 that says nothing", json({ error: { message: "m" } }), "MalformedResponse"],
    ["429", failure(429), "RateLimited"]
  ]

  it.effect.each(bodies)("%s", ([_, reply, tag]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(OpenRouter.credits)
      assert.strictEqual(error._tag, tag, error.message)
    }).pipe(Effect.provide(final(scripted([reply])))))

  it.effect("but one wrong figure of the key does not hide the others", () =>
    Effect.gen(function*() {
      const key = yield* OpenRouter.key
      assert.strictEqual(money(key.usage), "2")
    }).pipe(Effect.provide(final(scripted([json({ data: { usage: 2, limit: "none", label: 7 } })])))))
})
