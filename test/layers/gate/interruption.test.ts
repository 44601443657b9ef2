import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Metric, Random, Stream } from "effect"
import { Admission, Deadlines, OpenRouter, RateGate } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { Emulator } from "effect-openrouter/testing"
import { FetchHttpClient, HttpServer } from "effect/http"
import { createServer } from "node:http"
import { apiKey } from "../client/support.ts"

/** How often each situation is interrupted. */
const times = 50

/** How soon the emulator has to see it, in milliseconds. */
const soon = 100

/** A place that each attempt takes before it is sent, and that it has to give back. */
const makeGate = () => {
  const gate = { isClosed: false, waiting: 0, taken: 0 }
  const settle = Effect.sync(() => {
    gate.taken--
  })
  const opened: Effect.Effect<void> = Effect.suspend(() =>
    gate.isClosed ? Effect.andThen(Effect.sleep("1 millis"), opened) : Effect.void
  )
  const waited = Effect.acquireUseRelease(
    Effect.sync(() => {
      gate.waiting++
    }),
    () => opened,
    () =>
      Effect.sync(() => {
        gate.waiting--
      })
  )
  const admission: Admission.Admission = {
    stage: "wait",
    admit: () =>
      Effect.andThen(
        waited,
        Effect.sync(() => {
          gate.taken++
          return () => settle
        })
      )
  }
  return { gate, admission }
}

type Gate = ReturnType<typeof makeGate>["gate"]

/** What is there to be seen of one call while it is under way. */
interface Sight {
  readonly gate: Gate
  readonly emulator: Emulator.Emulator["Service"]
  /** Events that the caller has seen. */
  readonly events: number
  /** How many errors the emulator had sent before. */
  readonly failuresBefore: number
}

const failuresOf = ({ ledger }: Emulator.Emulator["Service"]) =>
  Effect.map(ledger, ({ statuses }) => statuses["500"] ?? 0)

interface Situation {
  readonly name: string
  readonly isClosed?: boolean
  /** Whether an exchange is under way, whose connection has to end with its caller. */
  readonly isExchange: boolean
  readonly call: (n: number, onEvent: () => void) => Effect.Effect<unknown, unknown, OpenRouter.OpenRouter>
  /** True when the call is where it is to be interrupted. */
  readonly isReached: (sight: Sight) => Effect.Effect<boolean>
}

const respond = (model: string) => (n: number) => OpenRouter.respond({ model, input: `Number ${n}` })

const isOpen = ({ emulator }: Sight) => Effect.map(emulator.openRequests, (open) => open > 0)

const situations: ReadonlyArray<Situation> = [
  {
    name: "while it waits at the gate",
    isClosed: true,
    isExchange: false,
    call: respond("a/prompt"),
    isReached: ({ gate }) => Effect.succeed(gate.waiting > 0)
  },
  { name: "before the headers", isExchange: true, call: respond("a/slow"), isReached: isOpen },
  { name: "in the body", isExchange: true, call: respond("a/dripping"), isReached: isOpen },
  {
    name: "in the middle of a stream",
    isExchange: true,
    call: (n, onEvent) =>
      Stream.runForEach(
        OpenRouter.stream({ model: "a/streaming", input: `Number ${n}` }),
        () => Effect.sync(onEvent)
      ),
    isReached: ({ events }) => Effect.succeed(events > 0)
  },
  {
    name: "while it waits for its retry",
    isExchange: false,
    // A model of its own for each, or the client's gate would take it for an outage and hold the later ones back.
    call: (n) => respond(`down/number-${n}`)(n),
    isReached: ({ emulator, failuresBefore }) =>
      Effect.gen(function*() {
        const failed = (yield* failuresOf(emulator)) > failuresBefore
        return failed && (yield* emulator.openRequests) === 0
      })
  }
]

const options: Emulator.Options = {
  latencies: { "a/slow": "1 minute" },
  stream: { eventDelay: "20 millis", tokensPerDelta: 1 },
  rules: [
    { when: { model: "a/dripping" }, reply: Emulator.Reply.answer({ drip: { bytes: 20, every: "20 millis" } }) },
    { when: (call) => call.model.startsWith("down/"), reply: Emulator.Reply.failure(500) }
  ]
}

/**
 * Waits until a condition holds; gives how long that took. A machine that is busy with something else gets a second, but
 * only where the condition could not be asked often enough before.
 */
const within = <R>(what: string, condition: Effect.Effect<boolean, never, R>) =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    for (let asked = 0;; asked++) {
      if (yield* condition) return
      const taken = (yield* Clock.currentTimeMillis) - began
      assert.isTrue(taken <= soon || (asked < 20 && taken <= 1000), `${what}, ${taken} ms later`)
      yield* Effect.sleep("1 millis")
    }
  })

const counting = () => {
  const live = { count: 0 }
  const metrics: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => void live.count++,
    recordFiberEnd: () => void live.count--
  }
  return { live, metrics }
}

/** Interrupts one call: at any moment since its beginning, or shortly after it is in its situation. */
const interrupted = Effect.fnUntraced(function*(situation: Situation, n: number) {
  const emulator = yield* Emulator.Emulator
  const { admission, gate } = makeGate()
  gate.isClosed = situation.isClosed ?? false
  const { live, metrics } = counting()
  const failuresBefore = yield* failuresOf(emulator)
  let events = 0
  const fiber = yield* situation.call(n, () => events++).pipe(
    Admission.with(admission),
    Deadlines.with({ total: "1 hour" }),
    (call) => Effect.forkChild(call, { startImmediately: true }),
    Effect.provideService(Metric.FiberRuntimeMetrics, metrics)
  )
  if (n % 2 === 0) {
    const reached = Effect.suspend(() => situation.isReached({ gate, emulator, events, failuresBefore }))
    yield* Effect.repeat(Effect.andThen(Effect.sleep("1 millis"), reached), { until: (is) => is }).pipe(
      Effect.timeout("5 seconds")
    )
  }
  yield* Effect.sleep(yield* Random.nextIntBetween(0, n % 2 === 0 ? 10 : 30))
  assert.isUndefined(fiber.pollUnsafe(), "the call is under way")

  yield* Fiber.interrupt(fiber)
  assert.deepStrictEqual([gate.waiting, gate.taken], [0, 0], "the place is returned")
  yield* within("the request is open", Effect.map(emulator.openRequests, (open) => open === 0))
  if (situation.isExchange) {
    yield* within("the connection is open", Effect.map(emulator.openConnections, (open) => open === 0))
  }
  yield* within("a fiber is left", Effect.sync(() => live.count === 0))
  yield* clientGateIsAtRest
})

/** Nobody waits at the client's own gate, and nothing is in flight, since no other call is under way here. */
const clientGateIsAtRest = Effect.map(
  RateGate.state,
  (limits) => assert.isTrue(limits.every(({ inFlight, waiting }) => waiting === 0 && inFlight === 0))
)

const clients = { "/node": DispatchHttpClient.layer, fetch: FetchHttpClient.layer }

const ways = ["/node", "fetch"] as const

/** An emulator on a free port, and its client. */
const served = (options: Emulator.Options, over: keyof typeof clients) => {
  const server = createServer()
  const client = Layer.unwrap(
    Effect.map(
      HttpServer.HttpServer,
      ({ address }) =>
        OpenRouter.layer({ apiKey, apiUrl: `http://127.0.0.1:${"port" in address ? address.port : 0}/api/v1` })
    )
  )
  // fetch keeps connections that never had a request, for which the server would wait for seconds when it closes.
  return Layer.effectDiscard(Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))).pipe(
    Layer.provideMerge(Layer.merge(Layer.provide(client, clients[over]), Emulator.layerServer(options))),
    Layer.provide(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" }))
  )
}

const cases = situations.flatMap((situation) =>
  ways.map((over) => ({ name: `${situation.name}, over ${over}`, situation, over }))
)

describe("a call that is interrupted leaves nothing behind", () => {
  it.live.each(cases)("$name", ({ over, situation }) =>
    Effect.gen(function*() {
      for (let n = 0; n < times; n++) yield* interrupted(situation, n)
      // Nothing is broken either: the same client goes on.
      yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], respond("a/prompt"), { concurrency: "unbounded" })
    }).pipe(Random.withSeed(situation.name), Effect.provide(served(options, over))), 60_000)
})

describe("a call that waits at the client's own gate", () => {
  it.live.each(ways)("is interrupted unsent, and gives back its place: %s", (over) =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      yield* respond("a/limited")(0)
      // Is refused, closes the gate for up to a minute, and waits first in the line.
      const first = yield* Effect.forkChild(respond("a/limited")(1), { startImmediately: true })
      yield* within("nothing is refused", Effect.map(emulator.ledger, ({ statuses }) => statuses["429"] === 1))
      yield* within(
        "it does not wait",
        Effect.map(RateGate.state, (limits) => limits.some(({ waiting }) => waiting === 1))
      )
      for (let n = 0; n < times; n++) {
        const { live, metrics } = counting()
        const fiber = yield* Effect.forkChild(respond("a/limited")(n), { startImmediately: true }).pipe(
          Effect.provideService(Metric.FiberRuntimeMetrics, metrics)
        )
        yield* Effect.sleep(yield* Random.nextIntBetween(0, 20))
        assert.isUndefined(fiber.pollUnsafe(), "the call waits")
        yield* Fiber.interrupt(fiber)
        yield* within(
          "a fiber is left",
          Effect.sync(() => live.count === 0)
        )
        const waiting = (yield* RateGate.state).filter(({ reach }) => reach === "model").map(({ waiting }) => waiting)
        assert.deepStrictEqual(waiting, [1])
      }
      yield* Fiber.interrupt(first)
      yield* clientGateIsAtRest
      assert.deepStrictEqual((yield* emulator.ledger).statuses, { "200": 1, "429": 1 })
    }).pipe(
      Random.withSeed("gate"),
      Effect.provide(served({ limits: [{ over: "model", requests: 1, window: "1 minute" }] }, over))
    ), 60_000)
})
