import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Channel, Effect, Exit, Layer, Predicate, Schema, Stream } from "effect"
import {
  Admission,
  CostLedger,
  type CreateResponse,
  OpenRouter,
  OpenRouterError,
  type Outcome,
  RetryPolicy,
  StreamEvent,
  Transport
} from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import * as Meter from "./meter.ts"
import { ask, askFor, emulated, failure, model, ok, scripted, served } from "./support.ts"

const { Reply } = Emulator

const request: CreateResponse.Sendable = { model, input: "Hello" }

const stream = Stream.runDrain(OpenRouter.stream(request))

/** Writes down when a call begins and ends, and what it was asked. */
const noting = (
  log: Array<string>,
  name: string,
  asked: Array<CreateResponse.CreateResponse> = []
): OpenRouter.Middleware =>
(inner) => {
  const begin = (what: string) => Effect.sync(() => void log.push(`${name} ${what}`))
  const end = (exit: Exit.Exit<unknown, OpenRouterError.OpenRouterError>) =>
    Effect.sync(() => void log.push(`${name}: ${Meter.wordOf(exit)}`))
  return {
    outcome: (request) => {
      asked.push(request)
      return Effect.andThen(begin("outcome"), Effect.onExit(inner.outcome(request), end))
    },
    events: (request) => {
      asked.push(request)
      return Channel.unwrap(Effect.as(begin("events"), Channel.onExit(inner.events(request), end)))
    },
    call: (endpoint) => Effect.andThen(begin(endpoint.name), Effect.onExit(inner.call(endpoint), end))
  }
}

/** Answers with an outcome that there was before. */
const replaying = (outcome: Outcome.Outcome): OpenRouter.Middleware => (inner) => ({
  outcome: () => Effect.succeed(outcome),
  events: () =>
    Channel.fromArray([StreamEvent.fromOutcome(outcome)]).pipe(
      Channel.filter(Arr.isReadonlyArrayNonEmpty),
      Channel.concatWith(() => Channel.end(outcome))
    ),
  call: inner.call
})

const sse = `data: {"type":"response.completed","response":${ok().body}}\n\n`

const layers: ReadonlyArray<readonly [name: string, layer: Layer.Layer<OpenRouter.OpenRouter>]> = [
  ["the emulator", emulated()],
  ["a socket", Layer.orDie(served())],
  ["a test layer", OpenRouterTest.layer("Hi")],
  [
    "a transport",
    OpenRouter.layerTransport.pipe(Layer.provide(Layer.succeed(
      Transport.Transport,
      Transport.make(({ headers, method }) =>
        Effect.succeed(Transport.answer({
          body: method === "GET" ? "{\"data\":{}}" : headers["accept"] === "text/event-stream" ? sse : ok().body
        }))
      )
    )))
  ]
]

describe("a middleware", () => {
  it.live.each(layers)(
    "wraps each call once, of every kind, whatever makes the client: %s",
    ([_, layer]) =>
      Effect.gen(function*() {
        const log: Array<string> = []
        yield* Effect.all([
          ask(),
          OpenRouter.outcome(request),
          stream,
          Stream.runDrain(OpenRouter.streamText(request)),
          OpenRouter.streamOutcome(request, () => Effect.void),
          OpenRouter.key
        ]).pipe(OpenRouter.withMiddleware(noting(log, "m")))
        yield* ask()
        assert.deepStrictEqual(log, [
          "m outcome",
          "m: Completed",
          "m outcome",
          "m: Completed",
          "m events",
          "m: Completed",
          "m events",
          "m: Completed",
          "m events",
          "m: Completed",
          "m key",
          "m: answered"
        ])
      }).pipe(Effect.provide(layer))
  )

  it.effect("wraps the calls for objects", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const schema = Schema.Struct({ n: Schema.Int })
      yield* OpenRouter.respondObject({ ...request, schema }).pipe(OpenRouter.withMiddleware(noting(log, "m")))
      yield* OpenRouter.streamObject({ ...request, schema }).pipe(
        OpenRouter.withMiddleware(noting(log, "m")),
        Stream.runDrain
      )
      assert.deepStrictEqual(log, ["m outcome", "m: Completed", "m events", "m: Completed"])
    }).pipe(Effect.provide(OpenRouterTest.layer({ n: 1 }))))

  it.effect("holds for a service that was taken before, and not outside of its part of the program", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const service = yield* OpenRouter.OpenRouter
      const outcome = service.outcome(request)
      const events = service.events(request)
      const inside = Effect.andThen(outcome, Channel.runDrain(events))
      yield* OpenRouter.withMiddleware(inside, noting(log, "m"))
      assert.deepStrictEqual(log, ["m outcome", "m: Completed", "m events", "m: Completed"])
      yield* inside
      assert.lengthOf(log, 4)
    }).pipe(Effect.provide(emulated())))

  it.effect("holds for forked calls", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      yield* Effect.forEach(["a", "b", "c"], ask, { concurrency: "unbounded" }).pipe(
        OpenRouter.withMiddleware(noting(log, "m"))
      )
      assert.lengthOf(log.filter((line) => line === "m outcome"), 3)
    }).pipe(Effect.provide(emulated())))

  it.effect("wraps whole calls, so their retries count once", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const { exit, seen } = yield* Meter.patiently(Meter.metered(
        Effect.andThen(
          askFor("emulator/flaky-503"),
          Stream.runDrain(OpenRouter.stream({ ...request, model: "emulator/flaky-500" }))
        ).pipe(OpenRouter.withMiddleware(noting(log, "m")))
      ))
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual(seen.map(({ attempt }) => attempt.number), [1, 2, 1, 2])
      assert.deepStrictEqual(log, ["m outcome", "m: Completed", "m events", "m: Completed"])
    }).pipe(Effect.provide(emulated())))

  it.effect("sees the error with which a call ends, and how a stream was left", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      yield* Effect.all([
        Effect.exit(ask("fail")),
        Effect.exit(Stream.runDrain(OpenRouter.stream({ ...request, input: "fail" }))),
        Stream.runDrain(Stream.take(OpenRouter.stream(request), 1))
      ]).pipe(OpenRouter.withMiddleware(noting(log, "m")), RetryPolicy.with(RetryPolicy.none))
      assert.deepStrictEqual(log.slice(0, 4), ["m outcome", "m: ServerError", "m events", "m: ServerError"])
      assert.lengthOf(log, 6)
      assert.strictEqual(yield* (yield* Emulator.Emulator).openRequests, 0)
    }).pipe(Effect.provide(emulated({ rules: [{ when: { textIncludes: "fail" }, reply: Reply.failure(500) }] }))))

  it.effect("stands inside of those that enclose it, by every way", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const wrapped = Effect.all([ask(), stream, OpenRouter.key]).pipe(
        OpenRouter.withMiddleware(noting(log, "inner")),
        OpenRouter.withMiddleware(noting(log, "outer"))
      )
      yield* wrapped
      assert.deepStrictEqual(log.filter((line) => !line.includes(":")), [
        "outer outcome",
        "inner outcome",
        "outer events",
        "inner events",
        "outer key",
        "inner key"
      ])
      assert.deepStrictEqual(log.slice(2, 4), ["inner: Completed", "outer: Completed"])
    }).pipe(Effect.provide(emulated())))

  it.effect("of a layer stands inside of those of the caller, and the layers in their order", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const layer = OpenRouter.layerMiddleware(noting(log, "upper")).pipe(
        Layer.provide(OpenRouter.layerMiddleware(noting(log, "lower"))),
        Layer.provide(emulated())
      )
      const calls = Effect.all([ask(), stream, OpenRouter.key]).pipe(Effect.provide(layer))
      yield* OpenRouter.withMiddleware(calls, noting(log, "caller"))
      const order = (what: string) => ["caller", "upper", "lower"].map((name) => `${name} ${what}`)
      assert.deepStrictEqual(
        log.filter((line) => !line.includes(":")),
        ["outcome", "events", "key"].flatMap(order)
      )
    }))

  it.effect("of a layer holds for all who use it, and for no one else", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const service = yield* OpenRouter.OpenRouter
      yield* ask().pipe(
        Effect.provide(OpenRouter.layerMiddleware(noting(log, "m"))),
        Effect.provideService(OpenRouter.OpenRouter, service)
      )
      yield* ask()
      assert.deepStrictEqual(log, ["m outcome", "m: Completed"])
    }).pipe(Effect.provide(OpenRouterTest.layer("Hi"))))
})

describe("what a middleware sees", () => {
  it.effect("are requests with the defaults filled in", () =>
    Effect.gen(function*() {
      const asked: Array<CreateResponse.CreateResponse> = []
      yield* Effect.andThen(OpenRouter.respond({ input: "Hello" }), Stream.runDrain(OpenRouter.stream({ input: "Hi" })))
        .pipe(
          OpenRouter.withMiddleware(noting([], "m", asked)),
          OpenRouter.withDefaults({ model, temperature: 0.5 })
        )
      assert.deepStrictEqual(asked, [
        { model, temperature: 0.5, input: "Hello" },
        { model, temperature: 0.5, input: "Hi" }
      ])
    }).pipe(Effect.provide(emulated())))

  it.effect("are requests before they are checked, which it may put right", () =>
    Effect.gen(function*() {
      const asked: Array<CreateResponse.CreateResponse> = []
      const righted: OpenRouter.Middleware = (inner) => ({
        ...inner,
        outcome: (request) => inner.outcome({ ...request, model }),
        events: (request) => inner.events({ ...request, model })
      })
      const calls = Effect.all([
        OpenRouter.respond({ ...request, model: "" }),
        Stream.runCollect(OpenRouter.streamText({ ...request, model: "" }))
      ])
      const error = yield* Effect.flip(OpenRouter.withMiddleware(calls, noting([], "m", asked)))
      assert.strictEqual(error._tag, "InvalidRequest")
      assert.deepStrictEqual(asked, [{ ...request, model: "" }])
      const [answer] = yield* OpenRouter.withMiddleware(calls, righted)
      assert.strictEqual(answer.model, model)
    }).pipe(Effect.provide(emulated())))
})

describe("a middleware that answers itself", () => {
  it.effect("leaves the client alone: no admission, no ledger, no server", () =>
    Effect.gen(function*() {
      const stored = yield* OpenRouter.outcome({ model, input: "Tell me a story of five words." })
      const emulator = yield* Emulator.Emulator
      const before = (yield* emulator.requests).length
      const { admission, seen } = Meter.make()
      const replayed = Effect.all({
        outcome: OpenRouter.outcome(request),
        text: Stream.mkString(OpenRouter.streamText(request)),
        events: Stream.runCollect(OpenRouter.stream(request)),
        ended: OpenRouter.streamOutcome(request, () => Effect.void)
      }).pipe(OpenRouter.withMiddleware(replaying(stored)), Admission.with(admission))
      const [answer, spent] = yield* CostLedger.measured(replayed)
      assert.strictEqual(answer.outcome, stored)
      assert.strictEqual(answer.ended, stored)
      assert.strictEqual(answer.text, stored._tag === "Completed" ? stored.text : "")
      assert.deepStrictEqual(answer.events.map(({ type }) => type).slice(0, 3), [
        "response.created",
        "response.in_progress",
        "response.output_item.added"
      ])
      assert.strictEqual(answer.events.at(-1)?.type, "response.completed")
      assert.deepStrictEqual([seen.length, spent.calls], [0, 0])
      assert.lengthOf(yield* emulator.requests, before)
    }).pipe(Effect.provide(emulated())))

  it.effect("answers objects as well, and a test layer's calls", () =>
    Effect.gen(function*() {
      const stored = yield* OpenRouter.outcome(request)
      const schema = Schema.Struct({ n: Schema.Int })
      const { value } = yield* OpenRouter.withMiddleware(
        OpenRouter.respondObject({ ...request, schema }),
        replaying(stored)
      )
      assert.deepStrictEqual(value, { n: 7 })
      const parts = yield* Stream.runCollect(
        OpenRouter.withMiddleware(OpenRouter.streamObject({ ...request, schema }), replaying(stored))
      )
      const last = parts.at(-1)
      assert.deepStrictEqual(last?._tag === "Complete" ? last.answer.value : undefined, { n: 7 })
      assert.lengthOf(yield* OpenRouterTest.calls, 1)
    }).pipe(Effect.provide(OpenRouterTest.layer("{\"n\":7}"))))

  it.effect("may fail with an error of its own choice", () =>
    Effect.gen(function*() {
      const closed = new OpenRouterError.ProviderOverloaded({ message: "closed today" })
      const closing: OpenRouter.Middleware = () => ({
        outcome: () => Effect.fail(closed),
        events: () => Channel.fail(closed),
        call: () => Effect.fail(closed)
      })
      const errors = yield* OpenRouter.withMiddleware(
        Effect.all([Effect.flip(ask()), Effect.flip(stream), Effect.flip(OpenRouter.key)]),
        closing
      )
      assert.deepStrictEqual(errors.map((error) => error === closed), [true, true, true])
    }).pipe(Effect.provide(emulated())))

  it.effect("may ask another client: it does not wrap the calls that it makes itself", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const other = yield* Effect.provide(OpenRouter.OpenRouter, OpenRouterTest.layer("from elsewhere"))
      const elsewhere: OpenRouter.Middleware = () => {
        log.push("asked")
        return other
      }
      const texts = yield* Effect.all([
        Effect.map(ask(), ({ text }) => text),
        Stream.mkString(OpenRouter.streamText(request)),
        Effect.as(OpenRouter.key, "")
      ]).pipe(OpenRouter.withMiddleware(elsewhere))
      assert.deepStrictEqual(texts, ["from elsewhere", "from elsewhere", ""])
      // It is a function of the client, applied once to each.
      assert.lengthOf(log, 1)
    }).pipe(Effect.provide(emulated())))

  it.effect("keeps its state from call to call", () =>
    Effect.gen(function*() {
      const counting: OpenRouter.Middleware = (inner) => {
        let calls = 0
        return { ...inner, outcome: (request) => inner.outcome({ ...request, input: `call ${++calls}` }) }
      }
      const texts = yield* Effect.all([ask(), ask(), ask()]).pipe(OpenRouter.withMiddleware(counting))
      const inputs = yield* Effect.map((yield* Emulator.Emulator).requests, (requests) =>
        requests.map(({ body }) => Predicate.hasProperty(body, "input") ? body.input : undefined))
      assert.lengthOf(texts, 3)
      assert.deepStrictEqual(inputs, ["call 1", "call 2", "call 3"])
    }).pipe(Effect.provide(emulated())))

  it.effect("of a layer may ask the client of the environment, which does not wrap that call", () =>
    Effect.gen(function*() {
      let asked = 0
      const judging: OpenRouter.Middleware = (inner) => ({
        ...inner,
        outcome: (request) =>
          Effect.gen(function*() {
            asked++
            const client = yield* Effect.serviceOption(OpenRouter.OpenRouter)
            if (client._tag === "Some" && asked < 9) yield* client.value.outcome({ model, input: "Is it fine?" })
            return yield* inner.outcome(request)
          })
      })
      yield* ask().pipe(Effect.provide(OpenRouter.layerMiddleware(judging)))
      assert.strictEqual(asked, 1)
    }).pipe(Effect.provide(emulated())))

  it.effect("may ask its own client, and wraps the calls of those who read what it hands on", () =>
    Effect.gen(function*() {
      const judged: Array<string> = []
      const client = yield* OpenRouter.OpenRouter
      const judging: OpenRouter.Middleware = (inner) => ({
        ...inner,
        outcome: (request) =>
          Effect.andThen(
            Effect.map(client.outcome({ model, input: "Is it fine?" }), () => void judged.push("outcome")),
            inner.outcome(request)
          ),
        events: (request) =>
          Channel.unwrap(Effect.as(
            Effect.map(client.outcome({ model, input: "Is it fine?" }), () => void judged.push("events")),
            inner.events(request)
          ))
      })
      yield* OpenRouter.streamOutcome(request, (event) => event.type === "response.completed" ? ask() : Effect.void)
        .pipe(
          OpenRouter.withMiddleware(judging)
        )
      assert.deepStrictEqual(judged, ["events", "outcome"])
      assert.lengthOf(yield* (yield* Emulator.Emulator).requests, 4)
    }).pipe(Effect.provide(emulated())))

  it.effect("is asked again for each call: one that fails over to another model gets its second answer", () =>
    Effect.gen(function*() {
      const fallback: OpenRouter.Middleware = (inner) => ({
        ...inner,
        outcome: (request) =>
          Effect.catchTag(
            inner.outcome(request),
            "ModelUnavailable",
            () => inner.outcome({ ...request, model: "b/c" })
          ),
        events: (request) =>
          Channel.catch(
            inner.events(request),
            (error) =>
              error._tag === "ModelUnavailable" ? inner.events({ ...request, model: "b/c" }) : Channel.fail(error)
          )
      })
      const { seen } = yield* Meter.metered(OpenRouter.withMiddleware(Effect.all([ask(), stream]), fallback))
      assert.deepStrictEqual(seen.map(({ attempt: { call } }) => call.model), [model, "b/c", model, "b/c"])
      assert.deepStrictEqual(Meter.words(seen), ["ModelUnavailable", "Completed", "ModelUnavailable", "Completed"])
    }).pipe(
      Effect.provide(
        scripted([failure(404), ok(), failure(404), { body: sse, headers: { "content-type": "text/event-stream" } }])
      )
    ))
})

describe("middlewares with a stage", () => {
  const stages = ["request", "journal", "cache", "flight"] as const

  const orders = stages.flatMap((_, turn) => {
    const turned = [...stages.slice(turn), ...stages.slice(0, turn)]
    return [turned, turned.toReversed()]
  })

  const staged = (log: Array<string>, stage: typeof stages[number]): OpenRouter.Middleware =>
    Object.assign(noting(log, stage), { stage })

  it.effect.each(orders)(
    "stand in their order, whatever that of their layers: %s %s %s %s",
    (order) =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const layer = order.reduce(
          (client: Layer.Layer<OpenRouter.OpenRouter>, stage) =>
            Layer.provide(OpenRouter.layerMiddleware(staged(log, stage)), client),
          emulated()
        )
        yield* ask().pipe(Effect.provide(layer))
        assert.deepStrictEqual(
          log.filter((line) => line.endsWith("outcome")),
          stages.map((stage) => `${stage} outcome`)
        )
      })
  )

  it.effect("leave those without one where they were given", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      yield* ask().pipe(
        OpenRouter.withMiddleware(noting(log, "inner")),
        OpenRouter.withMiddleware(staged(log, "journal")),
        OpenRouter.withMiddleware(noting(log, "middle")),
        OpenRouter.withMiddleware(staged(log, "flight")),
        OpenRouter.withMiddleware(noting(log, "outer")),
        Effect.provide(emulated())
      )
      assert.deepStrictEqual(
        log.filter((line) => line.endsWith("outcome")),
        ["outer", "journal", "middle", "flight", "inner"].map((name) => `${name} outcome`)
      )
    }))
})
