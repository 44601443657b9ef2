import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Ref, Stream } from "effect"
import { Budget, CostLedger, OpenRouter, Prices, RateGate, RetryPolicy, Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { served } from "../client/support.ts"

const times = 50

/** The text of an answer costs a cent for each token, whatever its model; so nothing costs more than a dollar. */
const priceOf = (model: string) => ({ [model]: { prompt: "0", completion: "0.01" } })

const ask = (model: string) => OpenRouter.outcome({ model, input: "Who is there?", maxOutputTokens: 100 })

const read = (model: string) =>
  Stream.runDrain(OpenRouter.stream({ model, input: "Who is there?", maxOutputTokens: 100 }))

interface Stage {
  readonly name: string
  /** The model of the call of this number: one of its own, so that the emulator keeps an account of it. */
  readonly model: (index: number) => string
  readonly call: (model: string) => ReturnType<typeof ask> | ReturnType<typeof read>
  /** Milliseconds after which the call of this number is interrupted. */
  readonly after: (index: number) => number
  readonly gate?: Layer.Layer<RateGate.RateGate>
  /** Whether a server hears of it before it is interrupted. */
  readonly isSent: boolean
  /** A budget that has room for no call beside those that run. */
  readonly isFull?: boolean
}

const stages: ReadonlyArray<Stage> = [
  {
    name: "while it waits for the budget",
    model: (index) => `emulator/slow-${index}`,
    call: ask,
    after: () => 60,
    isSent: false,
    isFull: true
  },
  {
    name: "while it waits at the gate",
    model: (index) => `emulator/slow-${2000 + index}`,
    call: ask,
    after: () => 60,
    gate: RateGate.layer({ limits: [{ requests: 1, window: "1 hour" }] }),
    isSent: false
  },
  {
    name: "while it waits to be repeated",
    model: (index) => `emulator/status-${530 + index}`,
    call: ask,
    after: () => 300,
    isSent: true
  },
  {
    name: "while its answer is on its way",
    model: (index) => `emulator/slow-${2000 + index}`,
    call: ask,
    after: (index) => 100 + 4 * index,
    isSent: true
  },
  {
    name: "at any moment of a short call",
    model: (index) => `emulator/slow-${index}`,
    call: ask,
    after: (index) => 2 * index,
    isSent: true
  },
  {
    name: "before its stream begins, and in the middle of it",
    model: (index) => `emulator/stream-slow-${50 + index}`,
    call: read,
    after: (index) => 20 + 6 * index,
    isSent: true
  }
]

const retries = RetryPolicy.with(RetryPolicy.make({ base: "1 minute", cap: "1 minute" }))

/** Runs the calls of a stage, each in a fiber that is interrupted, and then asks what became of those that are unknown. */
const interrupted = Effect.fnUntraced(function*(stage: Stage, budget: Budget.Budget, ledger: CostLedger.CostLedger) {
  const { after, call, isFull = false, model } = stage
  const priced = (index: number) =>
    retries(Effect.ignore(call(model(index)))).pipe(budget.run, Prices.with(priceOf(model(index))))
  const holder = isFull
    ? yield* Effect.forkChild(
      budget.run(Prices.with(ask("emulator/hang"), priceOf("emulator/hang"))),
      { startImmediately: true }
    )
    : undefined
  yield* Effect.sleep(20)
  yield* Effect.forEach(
    Array.from({ length: times }, (_, index) => index),
    Effect.fnUntraced(function*(index) {
      const fiber = yield* Effect.forkChild(priced(index), { startImmediately: true })
      yield* Effect.sleep(after(index))
      yield* Fiber.interrupt(fiber)
    }),
    { concurrency: "unbounded", discard: true }
  )
  if (holder !== undefined) {
    assert.strictEqual(Usd.toText(yield* budget.reserved), "1")
    yield* Fiber.interrupt(holder)
  }
  assert.isTrue(Usd.isZero(yield* budget.reserved))
  // The server books a call when it has answered, and a stream that was left when it sees that.
  yield* Effect.sleep(100)
  return yield* budget.run(CostLedger.reconcile(ledger, { maxWait: "200 millis" }))
})

describe("an interruption, fifty times", () => {
  describe.each(["fetch", "dispatch"] as const)("over a socket: %s", (over) => {
    it.live.each(stages)(
      "$name",
      (stage) =>
        Effect.gen(function*() {
          const budget = yield* Budget.make(stage.isFull === true ? "1" : "1000")
          const ledger = yield* CostLedger.make()
          const entries = yield* Ref.make<ReadonlyArray<CostLedger.Entry>>([])
          const { corrected } = yield* CostLedger.followed(
            interrupted(stage, budget, ledger),
            ledger,
            Stream.runForEach((line) =>
              line._tag === "Entry"
                ? Ref.update(entries, (all) => [...all, line])
                : Effect.die(new Error(`${line.count} entries were dropped`))
            )
          )
          const { accounts, calls, total } = yield* Effect.flatMap(Emulator.Emulator, ({ ledger }) => ledger)
          const lines = yield* Ref.get(entries)
          if (!stage.isSent) assert.isAtMost(calls, 2)

          const report = yield* ledger.report
          const listed = lines.filter(({ outcome }) => outcome === "Reconciled").length
          assert.strictEqual(listed, corrected)
          assert.strictEqual(report.unknown, lines.reduce((sum, { costs }) => sum + costs.unknown, 0))

          // What the server charged and the ledger does not have, is what was charged to ids that no client saw.
          let unseen = Usd.zero
          for (const account of accounts) {
            const own = lines.filter(({ model }) => model === account.model)
            const charged = Usd.fromDecimal(account.cost)
            const booked = own.reduce((sum, { costs }) => Usd.sum(sum, costs.cost), Usd.zero)
            const hasUnseen = own.some(({ costs, generationId }) => costs.unknown > 0 && generationId === undefined)
            if (hasUnseen || account.model === "emulator/hang") unseen = Usd.sum(unseen, Usd.subtract(charged, booked))
            else assert.strictEqual(Usd.toText(booked), Usd.toText(charged), account.model)
            assert.isTrue(Usd.isLessThanOrEqualTo(booked, charged))
          }
          assert.strictEqual(Usd.toText(Usd.subtract(Usd.fromDecimal(total), report.cost)), Usd.toText(unseen))
          const { spent } = yield* budget.state
          assert.isTrue(Usd.isLessThanOrEqualTo(Usd.fromDecimal(total), spent))
        }).pipe(Effect.provide(Layer.provide(served({}, over), stage.gate ?? RateGate.none))),
      10_000
    )
  })
})
