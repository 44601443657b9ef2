/**
 * Budgets shared by processes through Redis.
 *
 * What a process reserved is a lease that it renews while it lives. What it cannot tell because Redis is away it tells when
 * Redis is back; if it dies before, its leases run out and count as unknown spending.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redis from "effect/persistence/Redis"
import type * as Scope from "effect/Scope"
import type { BudgetStore, Settlement, Verdict } from "../../services/BudgetStore.ts"
import { type Answer, script } from "./BudgetScript.ts"
import * as ProcessName from "./ProcessName.ts"

/**
 * How budgets are kept in Redis.
 *
 * @since 0.1.0
 */
export interface Options {
  /** What the keys begin with. Default `effect-openrouter:`. */
  readonly prefix?: string | undefined
  /** How long an answer of Redis is waited for. Default 1 second. */
  readonly timeout?: Duration.Input | undefined
  /**
   * How long a reservation outlives a process that died, before it counts as unknown spending. It is renewed three times in this
   * time. At least a second. Default 30 seconds.
   */
  readonly lease?: Duration.Input | undefined
}

/** The books of a period are kept for so long after its end: some of its calls may still run. */
const keptMillis = 24 * 60 * 60 * 1000

/** Where Redis does not answer, it is left alone for a while. */
const awayMillis = 1000

/** Reservations that may have been made although nobody has heard of it; beyond so many they are left to run out. */
const maxUntold = 10_000

type Reserved = Effect.Success<ReturnType<BudgetStore["Service"]["reserve"]>>

/**
 * The budgets of all processes that use the same Redis and prefix, as long as the scope is open.
 *
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<BudgetStore["Service"], never, Redis.Redis | Scope.Scope> =>
  Effect.gen(function*() {
    const redis = yield* Redis.Redis
    const { prefix = "effect-openrouter:", timeout = "1 second" } = options
    const lease = Duration.fromInputUnsafe(options.lease ?? "30 seconds")
    const leaseMillis = Duration.toMillis(lease)
    if (!(leaseMillis >= 1000 && leaseMillis < Infinity)) {
      return yield* Effect.die(
        new RangeError(`Budget.layerRedis: a lease of ${Duration.format(lease)} is less than a second, or none`)
      )
    }
    const run = redis.eval(script)
    /** Tells the leases of this process from those of others. */
    const holder = yield* ProcessName.drawn
    let count = 0
    let isAway = false
    /** Until then nobody waits for it. */
    let awayUntil = 0
    /** The leases of calls that run, by the key of the budget. */
    const leases = new Map<string, Set<string>>()
    /** What could not be told. */
    const untold = new Map<string, ReadonlyArray<Settlement>>()

    const keysOf = (
      key: string
    ): ReadonlyArray<string> => [`${prefix}budget:{${key}}`, `${prefix}budget:{${key}}:leases`]
    const asked = (
      keys: ReadonlyArray<string>,
      ...args: ReadonlyArray<string | number>
    ): Effect.Effect<Answer | undefined> =>
      run(keys, args).pipe(
        Effect.timeout(timeout),
        Effect.map((answer): Answer => {
          isAway = false
          awayUntil = 0
          return answer
        }),
        Effect.catchCause((cause) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            const wasAway = isAway
            isAway = true
            awayUntil = now + awayMillis
            return Effect.as(
              wasAway
                ? Effect.void
                : Effect.logWarning("shared budgets cannot reach Redis and let no call pass", cause),
              undefined
            )
          })
        )
      )
    const settled = (id: string, settlements: ReadonlyArray<Settlement>) =>
      asked(
        settlements.flatMap(({ key }) => keysOf(key)),
        "settle",
        id,
        ...settlements.flatMap((
          { amount, generationId, isUnknown }
        ) => [amount, isUnknown ? 1 : 0, generationId ?? ""])
      )
    const forget = (id: string, settlements: ReadonlyArray<Settlement>): void => {
      untold.delete(id)
      for (const { key } of settlements) {
        const held = leases.get(key)
        held?.delete(id)
        if (held?.size === 0) leases.delete(key)
      }
    }
    /** Tells what came of a call; if that cannot be told now, {@link upkeep} goes on with it. */
    const tell = (id: string, settlements: ReadonlyArray<Settlement>): Effect.Effect<void> =>
      Effect.suspend(() => {
        untold.set(id, settlements)
        return Effect.map(settled(id, settlements), (answer) => {
          if (answer !== undefined) forget(id, settlements)
        })
      })
    const isLeftAlone = Effect.map(Clock.currentTimeMillis, (now) => now < awayUntil)

    const upkeep = Effect.gen(function*() {
      for (const [id, settlements] of Array.from(untold)) {
        yield* tell(id, settlements)
        if (isAway) return
      }
      for (const [key, ids] of Array.from(leases)) {
        const [, of = ""] = keysOf(key)
        // Beyond some thousands a script would have too many arguments.
        const all = Array.from(ids)
        for (let at = 0; at < all.length; at += 1000) {
          yield* asked([of], "renew", "", leaseMillis, ...all.slice(at, at + 1000))
        }
      }
    })
    yield* upkeep.pipe(
      Effect.andThen(
        Effect.suspend(() => Effect.sleep(untold.size > 0 ? "1 second" : Duration.divideUnsafe(lease, 3)))
      ),
      Effect.forever,
      Effect.forkScoped
    )

    return {
      reserve: (claims) =>
        Effect.flatMap(Clock.currentTimeMillis, (now): Effect.Effect<Reserved> => {
          if (now < awayUntil) return Effect.succeed({ lease: "", verdict: away })
          const id = `${holder}-${count++}`
          const kept = claims.map(({ endsAt }) => endsAt === undefined ? 0 : Math.ceil(endsAt - now + keptMillis))
          return Effect.flatMap(
            asked(
              claims.flatMap(({ key }) => keysOf(key)),
              "reserve",
              id,
              leaseMillis,
              ...claims.flatMap(({ amount, limit }, index) => [limit, amount ?? "", kept[index] ?? 0])
            ),
            (answer): Effect.Effect<Reserved> => {
              const verdict = verdictOf(answer, claims.length)
              if (verdict._tag === "Granted") {
                for (const { key } of claims) {
                  const held = leases.get(key) ?? new Set()
                  leases.set(key, held.add(id))
                }
              }
              if (verdict._tag !== "Away") return Effect.succeed({ lease: id, verdict })
              // It may have been granted all the same. Nothing was sent for it.
              if (untold.size >= maxUntold) return Effect.succeed({ lease: id, verdict })
              const nothing = claims.map(({ key }) => ({ key, amount: 0, isUnknown: false, generationId: undefined }))
              untold.set(id, nothing)
              return Effect.succeed({ lease: id, verdict })
            }
          )
        }),
      settle: (id, settlements) =>
        Effect.flatMap(
          isLeftAlone,
          (isAlone) => isAlone ? Effect.sync(() => void untold.set(id, settlements)) : tell(id, settlements)
        ),
      correct: (key, generationId, amount) =>
        Effect.map(
          asked(keysOf(key), "correct", "", generationId, amount),
          (answer) => answer !== undefined && answer[0] === 1
        ),
      read: (key) =>
        Effect.map(asked(keysOf(key), "read", ""), (answer) => {
          if (answer === undefined) return undefined
          const [, , spent, unknown, reserved] = answer
          return { spent: Number(spent), unknown: Number(unknown), reserved: Number(reserved) }
        })
    }
  })

const away: Verdict = { _tag: "Away" }

const verdictOf = (answer: Answer | undefined, count: number): Verdict => {
  if (answer === undefined) return away
  const [what, index, ...amounts] = answer
  const numbers = amounts.map(Number)
  if (what === 1) return { _tag: "Granted", amounts: numbers.slice(0, count), spent: numbers.slice(count) }
  const [spent = 0, unknown = 0, reserved = 0] = numbers
  return { _tag: "Refused", index, isSpent: what === 2, figures: { spent, unknown, reserved } }
}
