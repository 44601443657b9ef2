import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Exit, Fiber, Layer, Logger, Random } from "effect"
import { Admission, Budget, OpenRouter, OpenRouterError, RateGate, RetryPolicy } from "effect-openrouter"
import { Redis } from "effect/persistence"
import { TestClock } from "effect/testing"
import { MemoryGate } from "../../../src/layers/gate/MemoryGate.ts"
import type { Answer, SharedLimits } from "../../../src/layers/gate/SharedLimits.ts"
import * as RedisLimits from "../../../src/layers/redis/RedisLimits.ts"
import { atT0, failure, model, ok, t0 } from "../client/support.ts"
import { answering } from "./support.ts"
import type { Seen } from "./support.ts"

const day = 24 * 60 * 60 * 1000
const goes: Answer = { isTogether: true, hold: undefined, windows: [] }

/** Other processes, as a test has them: what they answer, and what they are told. */
const others = (answer: (now: number, tries: boolean) => Answer = () => goes) => {
  const told: Array<string> = []
  const tell = (text: string) => Effect.sync(() => void told.push(text))
  const shared: SharedLimits = {
    pass: (_keys, _known, tries) => Effect.map(Clock.currentTimeMillis, (now) => answer(now, tries)),
    giveBack: (keys) => tell(`give back ${keys.length}`),
    closed: (key, until, limit) => tell(`closed ${key} for ${until - t0}, limit ${limit}`),
    opened: (key) => tell(`opened ${key}`),
    forget: (keys) => tell(`forget ${keys.join(" ")}`)
  }
  const memory = new MemoryGate([], shared)
  const gate = Layer.succeed(RateGate.RateGate, {
    admission: memory,
    state: Effect.succeed([]),
    reset: (model) => Effect.flatMap(Clock.Clock, (clock) => memory.reset(model, clock))
  })
  return { gate, told }
}

const ask = OpenRouter.respond({ model, input: "Hi" })
const none = (): Seen => ({ sent: [] })
const begun = Effect.forkChild(Effect.exit(ask), { startImmediately: true })
const attempt = (account: string): Admission.Attempt => ({
  call: {
    name: "respond",
    model: "m",
    request: { model: "m", input: "Hi" },
    isBillable: true,
    account,
    startedAt: 0,
    maxWait: 0,
    scopes: [],
    tags: {}
  },
  number: 1,
  startedAt: 0
})
const withoutAccount = (told: ReadonlyArray<string>) => told.map((text) => text.replace(/\{\w+\}/g, "{}"))

describe("a gate shared by processes", () => {
  it.effect("waits for what another one was told", () => {
    const seen = none()
    const { gate } = others((now) =>
      now < t0 + 5000 ? { ...goes, hold: { until: t0 + 5000, index: 0, isClosed: true } } : goes
    )
    return Effect.andThen(
      atT0,
      Effect.gen(function*() {
        const fiber = yield* begun
        yield* TestClock.adjust(4999)
        assert.strictEqual(seen.sent.length, 0)
        yield* TestClock.adjust(100)
        assert.isTrue(Exit.isSuccess(yield* Fiber.join(fiber)))
        assert.deepStrictEqual(seen.sent.map(({ at }) => at - t0), [5000])
      }).pipe(Effect.provide(answering(seen, () => ({ reply: ok(), after: 0 }), gate)))
    )
  })

  it.effect("takes the limit that others learned, and waits by itself", () => {
    const seen = none()
    let asked = 0
    const { gate } = others((now) => {
      asked++
      const startsAt = t0 + Math.floor((now - t0) / 1000) * 1000
      return { ...goes, windows: [{ limit: 2, length: 1000, startsAt, extra: 0, taken: 2 }] }
    })
    return Effect.andThen(
      atT0,
      Effect.gen(function*() {
        yield* ask
        const fiber = yield* Effect.forkChild(Effect.all([ask, ask, ask, ask, ask], { concurrency: "unbounded" }), {
          startImmediately: true
        })
        yield* TestClock.adjust(3000)
        yield* Fiber.join(fiber)
        const perWindow = [0, 1, 2].map((n) => seen.sent.filter(({ at }) => Math.floor((at - t0) / 1000) === n).length)
        // The first one of all was not counted here, because nothing was known.
        assert.deepStrictEqual(perWindow, [3, 2, 1])
        assert.strictEqual(asked, 6)
      }).pipe(Effect.provide(answering(seen, () => ({ reply: ok(), after: 0 }), gate)))
    )
  })

  it.effect("gives back what passed and was not sent", () => {
    const seen = none()
    const { gate, told } = others()
    const keeping: Admission.Admission = {
      stage: "observe",
      admit: () => Effect.fail(new OpenRouterError.InvalidRequest({ message: "kept", origin: "local" }))
    }
    return Effect.andThen(
      atT0,
      Effect.gen(function*() {
        yield* Effect.exit(Admission.with(ask, keeping))
        assert.deepStrictEqual(told, ["give back 2"])
        yield* ask
        assert.deepStrictEqual(told, ["give back 2"])
      }).pipe(Effect.provide(answering(seen, () => ({ reply: ok(), after: 0 }), gate)))
    )
  })

  it.effect("tells what was announced, of the limit that it is about, and keeps its own pauses for itself", () => {
    const seen = none()
    const { gate, told } = others()
    const replies = [
      failure(429, {
        headers: { "x-ratelimit-limit": "20", "x-ratelimit-remaining": "0", "x-ratelimit-reset": `${t0 + 2000}` },
        metadata: { limit_source: "openrouter_account" }
      }),
      failure(503, { headers: { "retry-after": "3" } }),
      failure(429)
    ]
    return Effect.andThen(
      atT0,
      Effect.gen(function*() {
        const fiber = yield* begun
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(withoutAccount(told).slice(0, 2), [
          "closed {}:account for 2000, limit 20",
          `closed {}:model:${model} for 5000, limit undefined`
        ])
        assert.strictEqual(told.filter((text) => text.startsWith("closed")).length, 2)
      }).pipe(Effect.provide(answering(seen, () => ({ reply: replies.shift() ?? ok(), after: 0 }), gate)))
    )
  })

  it.effect("tries what is closed for long, and tells that it is open", () => {
    const seen = none()
    const tried: Array<number> = []
    const { gate, told } = others((now, tries) => {
      if (tries) tried.push(now - t0)
      return tries ? goes : { ...goes, hold: { until: t0 + day, index: 0, isClosed: true } }
    })
    return Effect.andThen(
      atT0,
      Effect.gen(function*() {
        const impatient = Effect.exit(RetryPolicy.with(ask, RetryPolicy.none))
        const first = yield* impatient
        assert.isTrue(Exit.isFailure(first))
        assert.strictEqual(seen.sent.length, 0)
        yield* TestClock.adjust("61 seconds")
        assert.isTrue(Exit.isSuccess(yield* impatient))
        assert.deepStrictEqual(tried, [61_000])
        assert.deepStrictEqual(withoutAccount(told), [`opened {}:model:${model}`])
      }).pipe(Effect.provide(answering(seen, () => ({ reply: ok(), after: 0 }), gate)))
    )
  })

  it.effect("forgets together what is reset by hand", () => {
    const { gate, told } = others()
    return Effect.andThen(
      atT0,
      Effect.gen(function*() {
        yield* ask
        yield* RateGate.reset(model)
        assert.deepStrictEqual(withoutAccount(told), [`forget {}:model:${model} {}:account`])
      }).pipe(Effect.provide(answering(none(), () => ({ reply: ok(), after: 0 }), gate)))
    )
  })

  it.effect("forgets the keys of each account by themselves: those of two lie on two nodes of a cluster", () => {
    const { gate, told } = others()
    return Effect.gen(function*() {
      const { admission, reset } = yield* RateGate.RateGate
      for (const account of ["a", "b"]) yield* admission?.admit(attempt(account)) ?? Effect.void
      yield* reset()
      assert.deepStrictEqual(
        told,
        ["a", "b"].map((key) => `forget {${key}}:endpoints {${key}}:model:m {${key}}:account`)
      )
    }).pipe(Effect.provide(gate))
  })
})

/** A Redis as a test has it, and the commands that it got. */
const redisOf = (answer: (command: string) => Effect.Effect<ReadonlyArray<number>, Redis.RedisError>) => {
  const commands: Array<ReadonlyArray<unknown>> = []
  const redis = Layer.succeed(
    Redis.Redis,
    Redis.Redis.of({
      send: () => Effect.die("not used"),
      subscribe: () => Effect.die("not used"),
      reserve: Effect.die("not used"),
      eval: (script) => (...params) =>
        Effect.suspend(() => {
          const [count = 0, ...all] = [script.numberOfKeys(...params), ...script.params(...params)]
          const args = all.slice(Number(count))
          commands.push(args)
          return answer(String(args[0]))
        })
    })
  )
  return { redis, commands }
}

const nothing = [{ limit: undefined, length: undefined, startsAt: 0 }]
const pass = (limits: SharedLimits) => limits.pass(["key"], nothing, false)

it.effect("processes that share a Redis have names of their own, also with one seed", () =>
  Effect.gen(function*() {
    const { commands, redis } = redisOf((command) => command === "pass" ? answered : Effect.succeed([1, 0, 1, 0]))
    const claim = { key: "all", limit: 1e9, amount: 1, endsAt: undefined }
    const process = Effect.gen(function*() {
      yield* Effect.scoped(Effect.flatMap(RedisLimits.make({}), pass))
      yield* Effect.scoped(Effect.flatMap(Layer.build(Budget.layerRedis()), (context) =>
        Context.get(context, Budget.BudgetStore).reserve([claim])))
    }).pipe(Effect.provide(redis), Random.withSeed("town"))
    yield* Effect.andThen(process, process)
    const names = commands.filter(([what]) =>
      what === "pass" || what === "reserve"
    ).map(([, name]) => name)
    assert.strictEqual(names.length, 4)
    assert.strictEqual(new Set(names).size, 4)
  }))

const answered = Effect.map(Clock.currentTimeMillis, (now) => [now, 0, 0, 0])

describe("limits in Redis", () => {
  const lines: Array<unknown> = []
  const logger = Logger.layer([Logger.make(({ message }) => {
    lines.push(Array.isArray(message) ? message[0] : message)
  })])

  it.effect("go on alone where Redis fails, say so once, and come back", () => {
    let isThere = false
    const { commands, redis } = redisOf(() =>
      isThere ? answered : Effect.fail(new Redis.RedisError({ cause: "offline" }))
    )
    lines.length = 0
    return Effect.gen(function*() {
      const limits = yield* RedisLimits.make({})
      const answers = yield* Effect.all(Array.from({ length: 10 }, () => pass(limits)), { concurrency: "unbounded" })
      assert.isTrue(answers.every(({ hold, isTogether }) => hold === undefined && !isTogether))
      assert.deepStrictEqual(lines, ["the rate gate cannot reach Redis and goes on alone"])
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(commands.filter(([what]) => what === "ping").length, 10)
      isThere = true
      yield* TestClock.adjust("1 second")
      assert.isTrue((yield* pass(limits)).isTogether)
      isThere = false
      assert.isFalse((yield* pass(limits)).isTogether)
      assert.strictEqual(lines.length, 2)
    }).pipe(Effect.scoped, Effect.provide([redis, logger]))
  })

  it.effect("wait for a Redis that hangs once, and no longer than the timeout", () => {
    const { redis } = redisOf(() => Effect.never)
    return Effect.gen(function*() {
      const limits = yield* RedisLimits.make({ timeout: "100 millis" })
      const first = yield* Effect.forkChild(pass(limits), { startImmediately: true })
      yield* TestClock.adjust(99)
      assert.isUndefined(first.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isFalse((yield* Fiber.join(first)).isTogether)
      const second = yield* Effect.forkChild(pass(limits), { startImmediately: true })
      yield* TestClock.adjust(0)
      assert.isDefined(second.pollUnsafe())
    }).pipe(Effect.scoped, Effect.provide([redis, logger]))
  })

  it.effect("give back for a caller who left while asking", () => {
    const { commands, redis } = redisOf((what) =>
      what === "pass"
        ? Effect.map(Effect.delay(answered, 50), (head) => [...head, 7000, 20, 1000, 0, 1])
        : answered
    )
    return Effect.gen(function*() {
      const limits = yield* RedisLimits.make({})
      const asking = yield* Effect.forkChild(pass(limits), { startImmediately: true })
      yield* TestClock.adjust(10)
      yield* Fiber.interrupt(asking)
      assert.deepStrictEqual(commands.map(([what]) => what), ["pass"])
      yield* TestClock.adjust(40)
      assert.deepStrictEqual(commands.map(([what, _process, start]) => [what, start]), [["pass", 0], [
        "give",
        7000
      ]])
    }).pipe(Effect.scoped, Effect.provide([redis, logger]))
  })

  it.effect("speak of this process's clock, whatever Redis's says", () => {
    const behind = 3_600_000
    const { commands, redis } = redisOf((what) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const redisNow = now - behind
        return what === "pass"
          ? [redisNow, redisNow + 500, 1, 1, redisNow + 500, 20, -1, 0, 0]
          : [redisNow, 0, 0, 0]
      })
    )
    return Effect.gen(function*() {
      yield* TestClock.setTime(t0)
      const limits = yield* RedisLimits.make({})
      const { hold, windows } = yield* pass(limits)
      assert.deepStrictEqual(hold, { until: t0 + 500, index: 0, isClosed: true })
      assert.deepStrictEqual(windows, [{ limit: 20, length: undefined, startsAt: t0 + 500, extra: 0, taken: 0 }])
      yield* limits.closed("key", t0 + 900, 20, t0 - 100)
      assert.deepStrictEqual(commands.at(-1)?.slice(2), [t0 + 900 - behind, behind, 20, t0 - 100 - behind])
    }).pipe(Effect.scoped, Effect.provide([redis, logger]))
  })
})
