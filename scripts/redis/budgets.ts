/** Two processes that share a budget at a server in this one, with Redis and without. */
import { NodeHttpServer } from "@effect/platform-node"
import { Clock, Effect, Exit, Fiber, Layer, Schedule } from "effect"
import { Budget, OpenRouter, Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"
import type { Report } from "../conformance/report.ts"
import { layers, leaseMillis, Spent } from "./budget-layers.ts"
import type { Spending } from "./budget-layers.ts"
import { asked, heard, start } from "./child.ts"
import { Ready } from "./messages.ts"
import type { RedisServer } from "./server.ts"

const model = "openai/gpt-5"

const nothing = { spent: 0, unknown: 0, reserved: 0 }

const patiently = Schedule.spaced("100 millis").pipe(Schedule.upTo({ times: 100 }))

const words = ({ reserved, spent, unknown }: Budget.State) => `${spent} spent, ${unknown} unknown, ${reserved} reserved`

/** Runs the checks. */
export const checkBudgets = (redis: RedisServer, report: Report) =>
  Effect.gen(function*() {
    const { address } = yield* HttpServer.HttpServer
    const apiUrl = `http://127.0.0.1:${"port" in address ? address.port : 0}/api/v1`
    yield* Effect.provide(checks(redis, report, apiUrl), layers(redis.url, apiUrl))
  }).pipe(
    Effect.scoped,
    Effect.provide(
      Emulator.layerServer().pipe(
        Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
      )
    )
  )

const checks = (redis: RedisServer, report: Report, apiUrl: string) =>
  Effect.gen(function*() {
    const emulator = yield* Emulator.Emulator
    const equal = (name: string, actual: unknown, expected: unknown) => {
      const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
      report.check(name, a === b ? undefined : `${a} instead of ${b}`)
    }
    const spender = (options: Omit<Spending, "redisUrl" | "apiUrl">) =>
      Effect.tap(
        start(
          new URL("./budget-worker.ts", import.meta.url),
          JSON.stringify({ ...options, redisUrl: redis.url, apiUrl } satisfies Spending)
        ),
        (child) => heard(child, Ready)
      )
    const ask = (of = model) => OpenRouter.outcome({ model: of, input: "Hello", maxOutputTokens: 60 })

    // Two processes.
    const all = yield* Budget.shared("all", "0.10")
    const spending = { budget: "all", limit: "0.10", calls: 300, model }
    const children = yield* Effect.all([spender(spending), spender(spending)])
    const [a, b] = yield* Effect.all([asked(children[0], {}, Spent), asked(children[1], {}, Spent)], {
      concurrency: "unbounded"
    })
    const { calls, total } = yield* emulator.ledger
    const state = yield* all.state
    const charged = Usd.fromDecimal(total)
    report.check(
      "two processes on one budget never pass it",
      Usd.isLessThanOrEqualTo(charged, all.limit) && Usd.isLessThanOrEqualTo(state.spent, all.limit)
        ? undefined
        : `${charged} charged, ${words(state)}`
    )
    const over = Usd.subtract(state.spent, charged)
    report.check(
      "the store knows what was charged, each call rounded up to a billionth",
      Usd.isNegative(over) || Usd.isGreaterThan(over, Usd.multiply(Usd.make("1e-9"), calls))
        ? `${state.spent} instead of ${charged}`
        : undefined
    )
    equal("what was refused has not left", calls, a.sent + b.sent)
    equal("all is settled", [`${state.reserved}`, `${state.unknown}`], ["$0.00", "$0.00"])
    report.check(
      "both were served and both refused",
      Math.min(a.sent, b.sent, a.refused, b.refused) > 0 ? undefined : JSON.stringify([a, b])
    )

    // A holder that dies.
    const mortal = yield* Budget.shared("mortal", "1")
    const dying = yield* spender({ budget: "mortal", limit: "1", calls: 5, model: "emulator/hang" })
    dying.send({})
    const isHeld = Effect.map(mortal.state, ({ reserved }) => `${reserved}` === "$0.03")
    yield* Effect.repeat(isHeld, { until: (held) => held, schedule: patiently })
    yield* Effect.sleep(leaseMillis * 1.5)
    equal("who lives keeps what it holds", words(yield* mortal.state), "$0.00 spent, $0.00 unknown, $0.03 reserved")
    dying.kill("SIGKILL")
    yield* Effect.sleep(leaseMillis + 300)
    equal("who dies leaves unknown spending", words(yield* mortal.state), "$0.03 spent, $0.03 unknown, $0.00 reserved")

    // A store that does not answer for a while.
    const outage = yield* Budget.shared("outage", "1")
    const slow = yield* Effect.forkChild(Effect.exit(outage.run(ask("emulator/slow-1500"))))
    yield* Effect.sleep("300 millis")
    yield* redis.signal("SIGSTOP")
    const before = (yield* emulator.ledger).calls
    const from = yield* Clock.currentTimeMillis
    const away = yield* Effect.flip(outage.run(ask()))
    equal("with the store away it is closed", away._tag === "BudgetExceeded" ? away.reason : away._tag, "store")
    const others = yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.exit(outage.run(ask())), {
      concurrency: "unbounded"
    })
    const millis = (yield* Clock.currentTimeMillis) - from
    report.check(
      "nobody waits long for a store that is away",
      others.every(Exit.isFailure) && millis < 3000 ? undefined : `${millis} ms`
    )
    report.check(
      "its books cannot be read meanwhile",
      (yield* Effect.flip(outage.state)).reason === "store" ? undefined : "they can"
    )
    report.check(
      "a call that had left keeps its answer",
      Exit.isSuccess(yield* Fiber.join(slow)) ? undefined : "it failed"
    )
    report.check(
      "nothing was sent meanwhile",
      (yield* emulator.ledger).calls <= before + 1 ? undefined : `${(yield* emulator.ledger).calls - before} calls`
    )
    yield* redis.signal("SIGCONT")
    yield* Effect.retry(outage.run(ask()), patiently)
    const isSettled = Effect.map(
      outage.state,
      ({ reserved, unknown }) => Usd.isZero(reserved) && Usd.isZero(unknown)
    )
    const settled = yield* Effect.timeoutOption(
      Effect.repeat(isSettled, { until: (settled) => settled, schedule: Schedule.spaced("100 millis") }),
      "6 seconds"
    )
    report.check(
      "what could not be told is told later",
      settled._tag === "Some" ? undefined : words(yield* outage.state)
    )

    // A store that is killed.
    yield* redis.kill
    const killed = yield* Effect.flip(outage.run(ask()))
    equal("with the store killed it is closed", killed._tag === "BudgetExceeded" ? killed.reason : killed._tag, "store")
    yield* redis.start
    const again = yield* Effect.exit(Effect.retry(outage.run(ask()), patiently))
    report.check("and open again once it is back", Exit.isSuccess(again) ? undefined : "it stays closed")

    // The script alone.
    const store = yield* Budget.BudgetStore
    const whole = { limit: 100, amount: undefined, endsAt: undefined }
    const { lease, verdict } = yield* store.reserve([{ ...whole, key: "c" }])
    equal("with nothing known a call takes all", verdict, { _tag: "Granted", amounts: [100], spent: [0] })
    const alone = yield* store.reserve([{ ...whole, key: "c" }])
    equal("alone", alone.verdict._tag === "Refused" ? alone.verdict.isSpent : alone.verdict, false)
    yield* store.settle(lease, [{ key: "c", amount: 100, isUnknown: true, generationId: "g" }])
    equal("an unknown cost counts", yield* store.read("c"), { ...nothing, spent: 100, unknown: 100 })
    const corrected = [yield* store.correct("c", "g", 7), yield* store.correct("c", "g", 7)]
    equal("it is corrected, once", [corrected, yield* store.read("c")], [[true, false], { ...nothing, spent: 7 }])
    const both = yield* store.reserve([{ ...whole, key: "d", amount: 50 }, { ...whole, key: "c", amount: 94 }])
    equal("of several budgets all are taken or none", [both.verdict._tag, yield* store.read("d")], ["Refused", nothing])
  })
