import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Random } from "effect"
import { type Admission, Budget, Costs, type OpenRouterError, Prices, Usd } from "effect-openrouter"
import { TestClock } from "effect/testing"
import { admitted, cents, notSent, prices, sent } from "./support.ts"

type Asked = Fiber.Fiber<Exit.Exit<Admission.Settle, OpenRouterError.RequestError>>

/** A call as the model of the test knows it; amounts in cents. */
interface Call {
  readonly fiber: Asked
  readonly estimate: number
  readonly budgets: ReadonlyArray<number>
  settle: Admission.Settle | undefined
}

const limits = [500, 300, 200]

/** Which budgets enclose a call, outermost first. */
const places = [[0], [0, 1], [0, 2], [0, 1, 2], [1], [2, 0]]

/** One run of random steps; whatever comes, the books are what the test knows. */
const run = Effect.fnUntraced(function*(overruns: boolean) {
  const budgets = yield* Effect.forEach(
    limits,
    (limit, index) => Budget.make(Usd.make(`${limit / 100}`), { name: `${index}`, maxWait: "10 seconds" })
  )
  const calls: Array<Call> = []
  const running: Array<Call> = []
  const unknown = new Map<string, Call>()
  const spent = limits.map(() => 0)
  let generation = 0

  const pick = <A>(all: ReadonlyArray<A>) =>
    Effect.map(Random.nextIntBetween(0, all.length), (index) => all[Math.min(index, all.length - 1)])

  /** Takes note of those that were let through, and checks the books. */
  const check = Effect.gen(function*() {
    yield* TestClock.adjust(0)
    for (const call of calls.slice()) {
      const exit = call.fiber.pollUnsafe()
      if (exit === undefined) continue
      calls.splice(calls.indexOf(call), 1)
      if (Exit.isSuccess(exit) && Exit.isSuccess(exit.value)) {
        call.settle = exit.value.value
        running.push(call)
      }
    }
    for (const [index, budget] of budgets.entries()) {
      const { reserved, spent: booked } = yield* budget.state
      const held = running.filter((call) => call.budgets.includes(index))
      const reservedCents = held.reduce((sum, { estimate }) => sum + estimate, 0)
      assert.strictEqual(Usd.toNumber(Usd.multiply(reserved, 100)), reservedCents)
      assert.strictEqual(Usd.toNumber(Usd.multiply(booked, 100)), spent[index])
      if (!overruns) assert.isAtMost((spent[index] ?? 0) + reservedCents, limits[index] ?? 0)
      // Nobody waits for a budget in which nothing runs.
      if (held.length === 0) {
        for (const call of calls) {
          assert.isTrue(call.budgets.some((other) => running.some(({ budgets }) => budgets.includes(other))))
        }
      }
    }
  })

  const book = (call: Call, cost: number) => {
    for (const index of call.budgets) spent[index] = (spent[index] ?? 0) + cost
  }
  const end = (call: Call, ended: Admission.Ended) => {
    running.splice(running.indexOf(call), 1)
    return call.settle?.(ended) ?? Effect.void
  }

  for (let step = 0; step < 120; step++) {
    const what = yield* Random.nextIntBetween(0, 100)
    if (what < 45) {
      const place = (yield* pick(places)) ?? [0]
      const estimate = yield* Random.nextIntBetween(1, 120)
      const asked = place.reduceRight(
        (inner, index) => budgets[index]?.run(inner) ?? inner,
        Prices.with(admitted(cents(estimate)), prices)
      )
      const fiber = yield* Effect.forkChild(Effect.exit(asked), { startImmediately: true })
      calls.push({ fiber, estimate, budgets: place, settle: undefined })
    } else if (what < 70) {
      const call = yield* pick(running)
      if (call !== undefined) {
        const cost = yield* Random.nextIntBetween(0, overruns ? call.estimate * 2 : call.estimate + 1)
        book(call, cost)
        yield* end(call, sent(`${cost / 100}`))
      }
    } else if (what < 78) {
      const call = yield* pick(running)
      if (call !== undefined) yield* end(call, notSent)
    } else if (what < 86) {
      const call = yield* pick(running)
      if (call !== undefined) {
        const id = `gen-${generation++}`
        book(call, call.estimate)
        unknown.set(id, call)
        yield* end(call, sent(undefined, id))
      }
    } else if (what < 92) {
      const found = yield* pick(Array.from(unknown))
      if (found !== undefined) {
        const [id, call] = found
        unknown.delete(id)
        const cost = yield* Random.nextIntBetween(0, call.estimate + 1)
        book(call, cost - call.estimate)
        const costs = { ...Costs.zero, cost: Usd.make(`${cost / 100}`) }
        yield* Effect.forEach(call.budgets, (index) => budgets[index]?.correct(id, costs) ?? Effect.void)
      }
    } else if (what < 97) {
      const call = yield* pick(calls)
      if (call !== undefined) yield* Fiber.interrupt(call.fiber)
    } else yield* TestClock.adjust("4 seconds")
    yield* check
  }
  for (let round = 0; running.length > 0 || calls.length > 0; round++) {
    assert.isBelow(round, 20, "somebody waits for ever")
    for (const call of running.slice()) yield* end(call, notSent)
    yield* TestClock.adjust("4 seconds")
    yield* check
  }
  for (const budget of budgets) assert.isTrue(Usd.isZero(yield* budget.reserved))
})

describe("whatever the order of reserve, settle, interrupt, wait, unknown and reconcile", () => {
  it.effect.each(Array.from({ length: 40 }, (_, seed) => seed))(
    "the books are right (%s)",
    (seed) => run(seed % 2 === 1).pipe(Random.withSeed(`${seed}`))
  )
})
