/** What the limits in Redis do for two processes, asked directly and in one process. */
import { Clock, Effect, Fiber, Predicate } from "effect"
import { Redis } from "effect/persistence"
import type { SharedLimits } from "../../src/layers/gate/SharedLimits.ts"
import * as RedisLimits from "../../src/layers/redis/RedisLimits.ts"
import type { Report } from "../conformance/report.ts"

const prefix = "script:"
const nothing = { limit: undefined, length: undefined, startsAt: 0 }

const pass = (limits: SharedLimits, key: string, tries = false) => limits.pass([key], [nothing], tries)

/** Lets `count` ask at once, by turns through two processes; gives how many may go. */
const passing = ([a, b]: readonly [SharedLimits, SharedLimits], key: string, count: number) =>
  Effect.map(
    Effect.forEach(Array.from({ length: count }), (_, index) => pass(index % 2 === 0 ? a : b, key), {
      concurrency: "unbounded"
    }),
    (answers) => answers.filter(({ hold }) => hold === undefined).length
  )

const until = (instant: number) => Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sleep(instant - now + 5))

/** What is told in the background is there after one more answer. */
const settled = (limits: SharedLimits) => pass(limits, "settled")

/** Runs the checks. */
export const checkScript = (report: Report) =>
  Effect.gen(function*() {
    const redis = yield* Redis.Redis
    const a = yield* RedisLimits.make({ prefix, timeout: "5 seconds" })
    const b = yield* RedisLimits.make({ prefix, timeout: "5 seconds" })
    const both = [a, b] as const
    const field = (key: string, name: string) =>
      Effect.map(redis.send("HGET", prefix + key, name), (value) => value === null ? undefined : Number(value))
    const equal = (name: string, actual: unknown, expected: unknown) =>
      report.check(name, actual === expected ? undefined : `${String(actual)} instead of ${String(expected)}`)

    yield* passing(both, "unknown", 10)
    equal("what is not limited is not written", yield* redis.send("EXISTS", `${prefix}unknown`), 0)

    // A window that both announce, a little apart.
    const reset = (yield* Clock.currentTimeMillis) + 300
    yield* a.closed("window", reset, 20, reset - 300)
    yield* b.closed("window", reset + 20, 20, reset - 300)
    yield* settled(b)
    const [first, second] = yield* Effect.all([pass(a, "window"), pass(b, "window")])
    const apart = Math.abs((first.hold?.until ?? 0) - (second.hold?.until ?? Infinity))
    report.check(
      "a closing is one instant for all",
      apart <= 2 && first.hold?.isClosed === true ? undefined : `${apart} ms apart`
    )
    yield* until(reset + 20)
    equal("as many as announced, and one to learn the length", yield* passing(both, "window", 60), 21)
    yield* b.closed("window", reset + 1000, 20, reset + 25)
    yield* settled(b)
    equal("a length is learned from resets that different processes were told", yield* field("window", "length"), 1000)
    yield* until(reset + 1020)
    equal("no more than the limit where the length is known", yield* passing(both, "window", 60), 20)
    yield* until(reset + 2020)
    equal("the next window has as many", yield* passing(both, "window", 60), 20)
    yield* a.closed("window", reset + 1000, 20, reset + 30)
    yield* settled(a)
    equal("a late word of a window that is over changes nothing", yield* passing(both, "window", 10), 0)
    yield* b.closed("paused", reset, 20, reset - 300)
    yield* b.closed("paused", reset + 300_000, 20, reset + 299_500)
    yield* settled(b)
    equal("resets that are far apart teach no length", yield* field("paused", "length"), undefined)
    yield* a.opened("window")
    yield* settled(a)
    equal("what is only used up is not opened", yield* field("window", "limit"), 20)

    yield* until(reset + 3020)
    const counted = yield* pass(a, "window")
    yield* pass(b, "window")
    yield* a.giveBack(["window"], counted)
    yield* settled(a)
    equal("a place is given back", yield* field("window", "taken"), 1)
    const asking = yield* Effect.forkChild(pass(a, "window"), { startImmediately: true })
    yield* Fiber.interrupt(asking)
    yield* Effect.sleep(20)
    equal("who is interrupted while asking takes no place", yield* field("window", "taken"), 1)

    yield* redis.send("DEL", `${prefix}window`)
    const known = { limit: 3, length: 1000, startsAt: reset }
    const again = yield* Effect.forEach([a, b, a, b], (limits) => limits.pass(["window"], [known], false))
    equal("what Redis forgot a process knows", again.filter(({ hold }) => hold === undefined).length, 3)

    yield* redis.send("DEL", `${prefix}window`)
    const closed = { ...known, startsAt: (yield* Clock.currentTimeMillis) + 60_000 }
    equal(
      "what was opened stays open for a process that does not know it",
      yield* Effect.map(a.pass(["window"], [closed], true), ({ hold }) => hold),
      undefined
    )

    // A window that is used up for long.
    const long = { limit: 1, length: 3_600_000, startsAt: (yield* Clock.currentTimeMillis) - 120_000 }
    const usedUp = (limits: SharedLimits, tries: boolean) =>
      Effect.map(limits.pass(["long"], [long], tries), ({ hold }) => hold?.isClosed)
    yield* usedUp(a, false)
    equal("used up for all", yield* usedUp(b, true), false)
    yield* redis.send("HINCRBY", `${prefix}long`, "tried", "-60000")
    equal("one tries what is used up after a minute", yield* usedUp(b, true), undefined)
    equal("and the others wait", yield* usedUp(a, true), false)
    yield* b.opened("long")
    yield* settled(b)
    equal("it is forgotten if that gets through", yield* redis.send("EXISTS", `${prefix}long`), 0)

    // An end without a window.
    const day = (yield* Clock.currentTimeMillis) + 24 * 60 * 60 * 1000
    yield* a.closed("day", day, undefined, day)
    yield* settled(a)
    equal("closed for all", (yield* pass(b, "day")).hold?.isClosed, true)
    equal("nobody tries at once", (yield* pass(b, "day", true)).hold?.isClosed, true)
    yield* redis.send("HINCRBY", `${prefix}day`, "tried", "-60000")
    equal("one tries after a minute", yield* Effect.map(pass(b, "day", true), ({ hold }) => hold), undefined)
    equal("and no other", (yield* pass(a, "day", true)).hold?.isClosed, true)
    equal("while all others wait", (yield* pass(a, "day")).hold?.isClosed, true)
    yield* a.closed("model", day, 20, day - 1000)
    yield* settled(a)
    yield* a.pass(["other", "model"], [nothing, nothing], false)
    equal("kept by one limit it is counted by none", yield* redis.send("EXISTS", `${prefix}other`), 0)
    yield* checkExpiry(report, "limits told directly")
    yield* b.opened("day")
    yield* settled(b)
    equal("opened for all", yield* Effect.map(pass(a, "day"), ({ hold }) => hold), undefined)
    yield* b.forget(["model"])
    yield* settled(b)
    equal("forgotten by hand", yield* redis.send("EXISTS", `${prefix}model`), 0)
  }).pipe(Effect.scoped)

/** A Redis that answers and cannot be written to, as after a failover, is away, and is said to be so once. */
export const checkCopy = (report: Report, lines: () => number) =>
  Effect.gen(function*() {
    const redis = yield* Redis.Redis
    const limits = yield* RedisLimits.make({ prefix: "copy:" })
    const isTogether = Effect.map(pass(limits, "key"), (answer) => answer.isTogether)
    const before = yield* isTogether
    yield* redis.send("REPLICAOF", "127.0.0.1", "1")
    yield* limits.closed("other", (yield* Clock.currentTimeMillis) + 60_000, 20, yield* Clock.currentTimeMillis)
    yield* Effect.sleep("2500 millis")
    report.check("a copy of Redis is away", before && !(yield* isTogether) ? undefined : "it is used")
    report.check("a copy of Redis: one line in the log", lines() === 1 ? undefined : `${lines()}`)
    yield* redis.send("REPLICAOF", "NO", "ONE")
    yield* Effect.sleep("1500 millis")
    report.check("a Redis that can be written to is back", (yield* isTogether) ? undefined : "it is not used")
  }).pipe(Effect.scoped)

/** Every key there is goes away by itself. */
export const checkExpiry = (report: Report, name: string) =>
  Effect.gen(function*() {
    const redis = yield* Redis.Redis
    const keys = yield* redis.send("KEYS", "*")
    const all = Array.isArray(keys) ? keys.filter(Predicate.isString) : []
    const left = yield* Effect.forEach(all, (key) => redis.send("PTTL", key))
    report.check(
      `${name}: ${all.length} keys, and all expire`,
      all.length > 0 && left.every((millis) => Number(millis) > 0) ? undefined : `${all.join(" ")}: ${left.join(" ")}`
    )
  })
