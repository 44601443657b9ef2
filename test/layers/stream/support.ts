import { NodeHttpServer } from "@effect/platform-node"
import { assert } from "@effect/vitest"
import { Clock, Context, Duration, Effect, Exit, Fiber, Layer, Metric, Option } from "effect"
import {
  CostLedger,
  OpenRouter,
  type OpenRouterError,
  type Outcome,
  Response,
  RetryPolicy,
  type StreamEvent,
  Usd
} from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { Emulator } from "effect-openrouter/testing"
import { FetchHttpClient, HttpClient, HttpClientResponse, HttpServer } from "effect/http"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"
import { apiKey } from "../client/support.ts"

export const text = "Once upon a time there was a small tówn 🏰 by the sea."

/** Pieces of four characters, as the emulator sends them; the flag of the last one tells that it is a whole text. */
export const delivered = (deltas: number) => text.slice(0, deltas * 4)

/** The events of an answer with {@link text}: two stages, item and part, the deltas, three ends, and the last one. */
export const eventCount = 4 + Math.ceil(text.length / 4) + 4

export const saying = (stream?: Emulator.Streaming): Emulator.Options => ({
  rules: [{ reply: Emulator.Reply.text(text, stream === undefined ? {} : { stream }) }]
})

export const request = { model: "openai/gpt-5", input: "Tell me a story." }

/** How the client reaches the emulator. */
export type Way = "in-process" | "fetch" | "dispatch"

export const ways: ReadonlyArray<Way> = ["in-process", "fetch", "dispatch"]

/** What the server sees of its connections, counted below the emulator. */
export class Sockets
  extends Context.Service<Sockets, { readonly unfinished: Effect.Effect<number> }>()("test/streaming/Sockets")
{}

const httpClients = { fetch: FetchHttpClient.layer, dispatch: DispatchHttpClient.layer }

const overSocket = (over: "fetch" | "dispatch", options?: Emulator.Options) =>
  Layer.unwrap(Effect.sync(() => {
    let unfinished = 0
    const server = createServer().on("request", (_, response) => {
      unfinished += 1
      response.on("close", () => unfinished -= 1)
    })
    // A connection that was opened for a request that was then given up would hold up the end of the server.
    const hangUp = Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
    const apiUrl = ({ address }: HttpServer.HttpServer["Service"]) =>
      `http://127.0.0.1:${"port" in address ? address.port : 0}/api/v1`
    return Layer.unwrap(
      Effect.map(HttpServer.HttpServer, (server) => OpenRouter.layer({ apiKey, apiUrl: apiUrl(server) }))
    ).pipe(
      Layer.merge(Layer.effectDiscard(hangUp)),
      Layer.provide(httpClients[over]),
      Layer.merge(Emulator.layerServer(options)),
      Layer.provide(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" })),
      Layer.merge(Layer.succeed(Sockets, { unfinished: Effect.sync(() => unfinished) }))
    )
  }))

/** An emulator and its client, by one of the ways. */
export const reached = (way: Way, options?: Emulator.Options) =>
  way === "in-process"
    ? OpenRouter.layer({ apiKey }).pipe(
      Layer.provideMerge(Emulator.layerHttpClient(options)),
      Layer.merge(Layer.succeed(Sockets, { unfinished: Effect.succeed(0) }))
    )
    : overSocket(way, options)

/** A client whose server answers each request with the next of these bodies; for what the emulator does not say. */
export const answering = (answers: ReadonlyArray<() => globalThis.Response>) =>
  OpenRouter.layer({ apiKey }).pipe(Layer.provide(Layer.sync(HttpClient.HttpClient, () => {
    let next = 0
    return HttpClient.make((request) =>
      Effect.sync(() => {
        const answer = answers[Math.min(next++, answers.length - 1)]
        return HttpClientResponse.fromWeb(request, answer?.() ?? new globalThis.Response(null, { status: 500 }))
      })
    )
  })))

/** A stream with this body, in one piece or in many. */
export const sse = (pieces: Iterable<string | Uint8Array>, headers: Readonly<Record<string, string>> = {}) => () => {
  const iterator = pieces[Symbol.iterator]()
  const encoder = new TextEncoder()
  return new globalThis.Response(
    new ReadableStream<Uint8Array>({
      pull: (controller) => {
        const next = iterator.next()
        if (next.done === true) controller.close()
        else controller.enqueue(typeof next.value === "string" ? encoder.encode(next.value) : next.value)
      }
    }, { highWaterMark: 0 }),
    { status: 200, headers: { "content-type": "text/event-stream", "x-generation-id": "gen-1", ...headers } }
  )
}

export const data = (event: object) => `data: ${JSON.stringify(event)}\n\n`

export const created = data({
  type: "response.created",
  sequence_number: 0,
  response: { id: "gen-2", status: "in_progress", model: "served", output: [] }
})

export const delta = (text: string) =>
  data({
    type: "response.output_text.delta",
    sequence_number: 1,
    item_id: "msg_1",
    output_index: 0,
    content_index: 0,
    delta: text
  })

export const completed = (text: string) =>
  data({
    type: "response.completed",
    sequence_number: 9,
    response: {
      id: "gen-2",
      status: "completed",
      model: "served",
      output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text, annotations: [] }] }],
      usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5, cost: 0.25 }
    }
  })

export const done = "data: [DONE]\n\n"

/** Sockets live in real time, also where the clock is a test's. */
const really = Effect.provideService(Effect.sleep("5 millis"), Clock.Clock, Clock.Clock.defaultValue())

/**
 * Waits until something holds, at most two seconds of real time, whatever the clock of the test says: Node's own timer, because
 * `TestClock.withLive` needs a test clock and live tests have none.
 */
export const eventually = <E, R>(name: string, condition: Effect.Effect<boolean, E, R>, times = 400): Effect.Effect<
  void,
  E,
  R
> =>
  Effect.flatMap(condition, (holds) => {
    if (holds) return Effect.void
    if (times === 0) return Effect.die(new Error(`not so in time: ${name}`))
    return Effect.andThen(really, eventually(name, condition, times - 1))
  })

/** No call is left on the server, neither in the emulator nor as an answer whose connection is held. */
const isLeft = Effect.gen(function*() {
  const emulator = yield* Emulator.Emulator
  const { unfinished } = yield* Sockets
  return (yield* emulator.openRequests) === 0 && (yield* unfinished) === 0
})

export const isClosed = eventually("the connection is closed", isLeft)

export type StreamFailure = OpenRouter.StreamError

/** What a call left behind. */
export interface Observed {
  readonly exit: Exit.Exit<Outcome.Outcome, StreamFailure>
  readonly events: ReadonlyArray<StreamEvent.StreamEvent>
  readonly spent: { readonly calls: number; readonly failures: number; readonly unknown: number; readonly cost: string }
}

/** Runs an effect and tells how many of the fibers that it started are still there. */
export const countingFibers = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const live = { count: 0 }
    const metrics: Metric.FiberRuntimeMetricsService = {
      recordFiberStart: () => void live.count++,
      recordFiberEnd: () => void live.count--
    }
    return Effect.map(
      Effect.provideService(Effect.exit(self), Metric.FiberRuntimeMetrics, metrics),
      (exit) => [exit, live] as const
    )
  })

/** Lets time pass where time is the test's. */
export const passing = (way: Way) => <A, E, R>(self: Effect.Effect<A, E, R>) =>
  way !== "in-process" ? self : Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(self, { startImmediately: true })
    yield* TestClock.adjust("2 hours")
    return yield* Fiber.join(fiber)
  })

/** Runs one streamed call to its end, and checks what holds for every call: all is settled, nothing is left. */
export const observed = (
  way: Way,
  self: (
    onEvent: (event: StreamEvent.StreamEvent) => Effect.Effect<void>
  ) => Effect.Effect<Outcome.Outcome, StreamFailure, OpenRouter.OpenRouter>
) =>
  Effect.gen(function*() {
    const events: Array<StreamEvent.StreamEvent> = []
    const ledger = yield* CostLedger.make()
    const call = ledger.run(self((event) => Effect.sync(() => void events.push(event))))
    const [exit, fibers] = yield* passing(way)(countingFibers(call))
    yield* eventually("no fiber is left", Effect.sync(() => fibers.count === 0))
    yield* isClosed
    const { calls, cost, failures, unknown } = yield* ledger.report
    const seen: Observed = { exit, events, spent: { calls, failures, unknown, cost: Usd.toText(cost) } }
    return seen
  })

export const typesOf = (events: ReadonlyArray<StreamEvent.StreamEvent>) =>
  events.map((event) => (event.type === "unknown" ? event.wireType : event.type).replace("response.", ""))

export const textOf = (events: ReadonlyArray<StreamEvent.StreamEvent>) =>
  events.map((event) => event.type === "response.output_text.delta" ? event.delta : "").join("")

/** The outcome or the error, as far as every row looks at it. */
export const resultOf = ({ exit }: Observed) => {
  if (Exit.isSuccess(exit)) {
    const { value } = exit
    return {
      tag: value._tag,
      text: Response.text(value.response),
      attempts: value.attempts,
      generationId: value.generationId,
      cost: value.cost === undefined ? undefined : Usd.toText(value.cost)
    }
  }
  const error: OpenRouterError.OpenRouterError = Option.getOrThrow(Exit.findErrorOption(exit))
  return {
    tag: error._tag,
    text: error.partialText ?? "",
    attempts: error.attempts,
    generationId: error.generationId,
    cost: error.cost === undefined ? undefined : Usd.toText(error.cost)
  }
}

export const errorOf = ({ exit }: Observed): StreamFailure => {
  assert.isTrue(Exit.isFailure(exit), "a failure is expected")
  return Option.getOrThrow(Exit.findErrorOption(exit))
}

export const once = RetryPolicy.with(RetryPolicy.none)

export const second = Duration.seconds(1)
