import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Redacted, Stream } from "effect"
import { Deadlines, OpenRouter, OpenRouterError, RetryPolicy, Transport, Usd } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { Emulator } from "effect-openrouter/testing"
import { FetchHttpClient, HttpClient, HttpClientError, HttpClientResponse, HttpServer } from "effect/http"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"
import { inspect } from "node:util"
import * as S from "../stream/support.ts"
import * as Meter from "./meter.ts"
import { apiKey, ask, atT0, failure, model, ok, t0, ungated } from "./support.ts"

const secret = Redacted.value(apiKey)

const request = { model, input: "Hello" }

const stream = OpenRouter.stream(request)

/** What passed one exchange, as who wraps a transport sees it. */
interface Exchange {
  readonly request: Transport.Request
  answer?: Transport.Answer
  read: string
}

/** Keeps all that it sees. */
const watched = (exchanges: Array<Exchange>) =>
  Layer.effect(
    Transport.Transport,
    Transport.Transport.useSync((transport) =>
      Transport.Transport.of({
        ...transport,
        send: (request, onSent) => {
          const exchange: Exchange = { request, read: "" }
          exchanges.push(exchange)
          const decoder = new TextDecoder()
          return Effect.map(transport.send(request, onSent), (answer) => {
            exchange.answer = answer
            const { headers, status } = answer
            return {
              headers,
              status,
              text: Effect.tap(answer.text, (text) => Effect.sync(() => void (exchange.read += text))),
              chunks: Stream.tap(
                answer.chunks,
                (chunk) => Effect.sync(() => void (exchange.read += decoder.decode(chunk, { stream: true })))
              )
            }
          })
        }
      })
    )
  )

const options: Transport.Options = {
  apiKey,
  appUrl: "https://town.example",
  appTitle: "Town",
  responseCache: "1 minute"
}

const inProcess = (exchanges: Array<Exchange>) =>
  OpenRouter.layerTransport.pipe(
    Layer.provide(watched(exchanges)),
    Layer.provide(Transport.layer(options)),
    Layer.provideMerge(Emulator.layerHttpClient())
  )

const overSocket = (exchanges: Array<Exchange>, client: Layer.Layer<HttpClient.HttpClient>) =>
  Layer.unwrap(Effect.map(HttpServer.HttpServer, ({ address }) => {
    const port = "port" in address ? address.port : 0
    return Transport.layer({ ...options, apiUrl: `http://127.0.0.1:${port}/api/v1/` })
  })).pipe(
    Layer.provide(client),
    (transport) => OpenRouter.layerTransport.pipe(Layer.provide(watched(exchanges)), Layer.provide(transport)),
    Layer.merge(Emulator.layerServer()),
    Layer.provide(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
    Layer.orDie
  )

const ways = [
  ["in-process", inProcess],
  ["fetch", (exchanges: Array<Exchange>) => overSocket(exchanges, FetchHttpClient.layer)],
  ["dispatch", (exchanges: Array<Exchange>) => overSocket(exchanges, DispatchHttpClient.layer)]
] as const

/** All that can be found in a value, hidden members and what getters give included. */
const everything = (value: unknown) =>
  inspect(value, { depth: null, showHidden: true, getters: true, maxArrayLength: null, maxStringLength: null })

describe("who wraps a transport", () => {
  it.live.each(ways)(
    "sees each exchange, whatever is asked, and never the key: %s",
    ([_, layerOf]) =>
      Effect.gen(function*() {
        const exchanges: Array<Exchange> = []
        yield* Effect.gen(function*() {
          const plain = yield* ask()
          const text = yield* Stream.mkString(OpenRouter.streamText(request))
          yield* OpenRouter.models({ category: "programming" })
          yield* OpenRouter.embeddings({ model: "openai/text-embedding-3-small", input: "Hello" })
          yield* Effect.exit(OpenRouter.respond({ ...request, model: "emulator/status-400" }))
          yield* Effect.exit(Stream.runDrain(OpenRouter.stream({ ...request, model: "emulator/status-400" })))
          assert.include(exchanges[0]?.read, JSON.stringify(plain.text).slice(1, -1))
          assert.include(exchanges[1]?.read, JSON.stringify(text).slice(1, -1))
          assert.strictEqual(exchanges[0]?.answer?.headers["x-generation-id"], plain.generationId)
        }).pipe(Effect.provide(layerOf(exchanges)))
        assert.deepStrictEqual(exchanges.map(({ answer, request }) => [request.method, request.path, answer?.status]), [
          ["POST", "/responses", 200],
          ["POST", "/responses", 200],
          ["GET", "/models?category=programming", 200],
          ["POST", "/embeddings", 200],
          ["POST", "/responses", 400],
          ["POST", "/responses", 400]
        ])
        const json = { accept: "application/json" }
        const events = { accept: "text/event-stream" }
        assert.deepStrictEqual(exchanges.map(({ request }) => request.headers), [
          json,
          events,
          json,
          json,
          json,
          events
        ])
        assert.strictEqual(exchanges[0]?.request.body, JSON.stringify(request))
        assert.strictEqual(exchanges[1]?.request.body, JSON.stringify({ ...request, stream: true }))
        assert.isUndefined(exchanges[2]?.request.body)
        assert.include(exchanges[1]?.read, "data: [DONE]")
        assert.include(exchanges[4]?.read, "\"error\"")
        assert.isFalse(everything(exchanges).includes(secret))
      })
  )

  it.effect("sees the headers of a part of a program, but no credentials", () =>
    Effect.gen(function*() {
      const exchanges: Array<Exchange> = []
      yield* Effect.andThen(ask(), Stream.runDrain(stream)).pipe(
        OpenRouter.withHeaders({ "X-Note": "one", Authorization: `Bearer ${secret}`, accept: "text/html" }),
        Effect.provide(inProcess(exchanges))
      )
      assert.deepStrictEqual(exchanges.map(({ request }) => request.headers), [
        { accept: "application/json", "x-note": "one" },
        { accept: "text/event-stream", "x-note": "one" }
      ])
    }))

  it.effect("knows which key it is, and can cut it out of a text", () =>
    Effect.gen(function*() {
      const { account, scrub } = yield* Transport.Transport
      assert.match(account, /^[0-9a-f]{12}$/)
      assert.strictEqual(scrub(`Bearer ${secret}!`), "Bearer <redacted>!")
      assert.isFalse(everything(yield* Transport.Transport).includes(secret))
    }).pipe(Effect.provide(Layer.provide(Transport.layer(options), FetchHttpClient.layer))))

  const echo = `you sent "Bearer ${secret}"`

  /** A server that repeats the key wherever it can. */
  const echoing = (status: number) =>
    Transport.layer({ apiKey }).pipe(Layer.provide(Layer.succeed(
      HttpClient.HttpClient,
      HttpClient.make((request) =>
        Effect.succeed(HttpClientResponse.fromWeb(
          request,
          new Response(failure(status, { message: echo }).body, {
            status,
            headers: { "x-echo": secret, "x-generation-id": secret, "content-type": "application/json" }
          })
        ))
      )
    )))

  it.effect.each([400, 401, 403, 429, 500, 503])(
    "does not see the key in an error that repeats it: %i",
    (status) =>
      Effect.gen(function*() {
        const exchanges: Array<Exchange> = []
        yield* Effect.all([Effect.exit(ask()), Effect.exit(Stream.runDrain(stream)), Effect.exit(OpenRouter.key)]).pipe(
          RetryPolicy.with(RetryPolicy.none),
          Effect.provide(
            ungated(OpenRouter.layerTransport).pipe(Layer.provide(watched(exchanges)), Layer.provide(echoing(status)))
          )
        )
        assert.lengthOf(exchanges, 3)
        for (const { read } of exchanges) assert.include(read, "<redacted>")
        assert.isFalse(everything(exchanges).includes(secret))
      })
  )

  it.effect("does not see it either where the error is read in chunks", () =>
    Effect.gen(function*() {
      const send = Transport.Transport.use((transport) =>
        transport.send({ method: "GET", path: "/key", headers: {}, body: undefined }, Effect.void)
      )
      const chunks = yield* Stream.mkString(Stream.decodeText((yield* send).chunks))
      const text = yield* (yield* send).text
      assert.strictEqual(chunks, text)
      assert.isFalse(text.includes(secret))
    }).pipe(Effect.provide(echoing(500))))
})

/** A client over a transport that answers each exchange with the next of these, the last one for ever. */
const canned = (
  answers: ReadonlyArray<Transport.Answer | OpenRouterError.RequestError>,
  options?: Parameters<typeof Transport.make>[1]
) =>
  ungated(OpenRouter.layerTransport).pipe(Layer.provide(Layer.sync(Transport.Transport, () => {
    let next = 0
    return Transport.make(() => {
      const answer = answers[Math.min(next++, answers.length - 1)]
      if (answer === undefined) return Effect.die("no answer")
      return "status" in answer && "chunks" in answer ? Effect.succeed(answer) : Effect.fail(answer)
    }, options)
  })))

const story = S.created + S.delta("Once upon ") + S.delta("a tímé 🏰") + S.completed("Once upon a tímé 🏰") + S.done

const inChunks = (text: string, size: number): Transport.Answer["chunks"] => {
  const bytes = new TextEncoder().encode(text)
  return Stream.fromArray(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size))
  )
}

describe("a transport of one's own", () => {
  it.effect("answers with JSON, and plain endpoints too", () =>
    Effect.gen(function*() {
      const answer = yield* ask()
      assert.deepStrictEqual([answer.text, Usd.toText(answer.cost ?? Usd.zero)], ["Hi", "0.00002"])
      assert.strictEqual((yield* OpenRouter.key).label, "mine")
    }).pipe(Effect.provide(canned([
      Transport.answer({ body: ok().body }),
      Transport.answer({ body: "{\"data\":{\"label\":\"mine\"}}" })
    ]))))

  it.effect("answers with events, in one text or however they are cut", () =>
    Effect.forEach([undefined, 1, 2, 3, 7, 64, 100_000], (size) =>
      Effect.gen(function*() {
        const body = size === undefined ? story : inChunks(story, size)
        const texts = yield* Stream.runCollect(OpenRouter.streamText(request)).pipe(
          Effect.provide(canned([Transport.answer({ body })]))
        )
        assert.deepStrictEqual(texts, ["Once upon ", "a tímé 🏰"], `chunks of ${size}`)
      })))

  it.effect("gives a body of chunks as a text to those who do not stream", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* ask()).text, "Hi")
    }).pipe(Effect.provide(canned([Transport.answer({ body: inChunks(ok().body, 5) })]))))

  it.effect.each(
    [
      [400, "InvalidRequest"],
      [402, "PaymentRequired"],
      [404, "ModelUnavailable"],
      [429, "RateLimited"],
      [503, "ProviderOverloaded"]
    ] as const
  )("answers with status %i, which is classified as any other", ([status, tag]) =>
    Effect.gen(function*() {
      const errors = yield* Effect.all([Effect.flip(ask()), Effect.flip(Stream.runDrain(stream))])
      for (const error of errors) {
        assert.deepStrictEqual([error._tag, error.status, error.model, error.attempts], [tag, status, model, 1])
      }
    }).pipe(
      RetryPolicy.with(RetryPolicy.none),
      Effect.provide(canned([Transport.answer({ status, body: failure(status).body })]))
    ))

  it.effect("is asked again as the policy says, and may say when", () =>
    Effect.gen(function*() {
      const { exit, seen } = yield* Meter.patiently(Meter.metered(ask()))
      assert.strictEqual(Meter.wordOf(exit), "Completed")
      assert.deepStrictEqual(Meter.words(seen), ["RateLimited", "ConnectionFailed", "Completed"])
      const wait = (seen[1]?.attempt.startedAt ?? 0) - t0
      assert.isTrue(wait >= 20_000 && wait <= 21_000, String(wait))
      assert.deepStrictEqual(seen.map(({ attempt }) => attempt.call.account), ["custom", "custom", "custom"])
    }).pipe(Effect.provide(canned([
      Transport.answer({ status: 429, headers: { "retry-after": "20" }, body: failure(429).body }),
      new OpenRouterError.ConnectionFailed({ message: "the tape is torn", phase: "sending" }),
      Transport.answer({ body: ok().body })
    ]))))

  it.effect("fails with errors that are then told which call it was", () =>
    Effect.gen(function*() {
      const errors = yield* Effect.all([Effect.flip(ask()), Effect.flip(Stream.runDrain(stream))])
      for (const error of errors) {
        assert.deepStrictEqual(
          [error._tag, error.message, error.model, error.attempts],
          ["ConnectionFailed", "the tape is torn", model, 1]
        )
      }
    }).pipe(
      RetryPolicy.with(RetryPolicy.none),
      Effect.provide(canned([new OpenRouterError.ConnectionFailed({ message: "the tape is torn", phase: "sending" })]))
    ))

  it.effect("breaks off in the middle of a stream, whose text so far is kept", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Stream.runDrain(stream))
      assert.deepStrictEqual([error._tag, error.partialText], ["ConnectionFailed", "Once"])
    }).pipe(Effect.provide(canned([Transport.answer({
      body: Stream.concat(
        inChunks(S.created + S.delta("Once"), 50),
        Stream.fail(new OpenRouterError.ConnectionFailed({ message: "torn", phase: "receiving" }))
      )
    })]))))

  it.effect("says its account, and cuts its key out of what becomes an error", () =>
    Effect.gen(function*() {
      const { exit, seen } = yield* Meter.metered(ask())
      const error = yield* Effect.flip(exit)
      assert.strictEqual(seen[0]?.attempt.call.account, "mine")
      assert.include(error.message, "you sent <mine>")
    }).pipe(Effect.provide(canned(
      [Transport.answer({ status: 400, body: failure(400, { message: "you sent hunter2" }).body })],
      { account: "mine", scrub: (text) => text.replaceAll("hunter2", "<mine>") }
    ))))

  it.effect("is left: its body ends with the one who reads it", () =>
    Effect.gen(function*() {
      const ended: Array<string> = []
      const body = (name: string) =>
        Stream.concat(inChunks(S.created + S.delta("Once"), 10_000), Stream.never).pipe(
          Stream.onExit((exit) => Effect.sync(() => void ended.push(`${name}: ${Exit.isSuccess(exit)}`)))
        )
      const layer = canned([Transport.answer({ body: body("taken") }), Transport.answer({ body: body("interrupted") })])
      yield* Effect.gen(function*() {
        yield* Stream.runDrain(Stream.take(stream, 2))
        assert.lengthOf(ended, 1)
        const fiber = yield* Effect.forkChild(Stream.runDrain(stream), { startImmediately: true })
        yield* Fiber.interrupt(fiber)
        assert.lengthOf(ended, 2)
      }).pipe(Effect.provide(layer))
    }))
})

describe("when a request leaves", () => {
  /** The client waits for an hour before it sends. */
  const limited = (rules: ReadonlyArray<Emulator.Rule> = []) =>
    OpenRouter.layer({
      apiKey,
      transformClient: HttpClient.transform((send) => Effect.delay(send, "1 hour"))
    }).pipe(Layer.provideMerge(Emulator.layerHttpClient({ latency: "5 seconds", rules })))

  const calls = [
    ["a call", Effect.asVoid(ask()), "response"],
    ["a stream", Stream.runDrain(stream), "firstEvent"]
  ] as const

  const tenSeconds = Deadlines.with({
    response: "10 seconds",
    firstEvent: "10 seconds",
    idle: "10 seconds",
    total: "1 day"
  })

  it.effect.each(calls)(
    "is told below the client of the caller: what that one waits is no time of %s",
    ([_, call]) =>
      Effect.gen(function*() {
        const { exit, seen } = yield* Meter.patiently(Meter.metered(tenSeconds(call)))
        assert.isTrue(Exit.isSuccess(exit), Meter.wordOf(exit))
        const ended = seen[0]?.ends[0]
        assert.strictEqual(ended?._tag === "Sent" ? ended.sentAt - t0 : undefined, Duration.toMillis("1 hour"))
      }).pipe(Effect.provide(limited()))
  )

  it.effect.each(calls)("the deadline begins: %s", ([_, call, phase]) =>
    Effect.gen(function*() {
      yield* atT0
      const fiber = yield* Effect.forkChild(Meter.metered(tenSeconds(call)), { startImmediately: true })
      yield* TestClock.adjust("1 hour")
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      const { exit, seen } = yield* Fiber.join(fiber)
      const error = yield* Effect.flip(exit)
      assert.deepStrictEqual(error._tag === "TimedOut" ? [error.phase, error.attempts] : [error._tag], [phase, 1])
      assert.deepStrictEqual(Meter.words(seen), ["TimedOut"])
      assert.strictEqual(yield* (yield* Emulator.Emulator).openRequests, 0)
    }).pipe(Effect.provide(limited([{ reply: Emulator.Reply.hang() }]))))

  it.effect.each(calls)("before that an interruption costs nothing: %s", ([_, call]) =>
    Effect.gen(function*() {
      const { seen } = yield* Meter.patiently(Meter.metered(Effect.timeoutOption(call, "59 minutes")))
      assert.deepStrictEqual(Meter.words(seen), ["not sent: interrupted"])
      assert.deepStrictEqual(yield* (yield* Emulator.Emulator).requests, [])
    }).pipe(Effect.provide(limited())))

  it.effect.each(calls)("before that the total deadline costs nothing: %s", ([_, call]) =>
    Effect.gen(function*() {
      const { seen } = yield* Meter.patiently(Meter.metered(Deadlines.with(call, { total: "59 minutes" })))
      assert.deepStrictEqual(Meter.words(seen), ["not sent: TimedOut"])
      assert.deepStrictEqual(yield* (yield* Emulator.Emulator).requests, [])
    }).pipe(Effect.provide(limited())))

  it.effect("is not told by a client that gives up before, and is by one that answers by itself", () =>
    Effect.gen(function*() {
      const over = (transformClient: Transport.Options["transformClient"]) =>
        OpenRouter.layer({ apiKey, transformClient }).pipe(Layer.provide(Emulator.layerHttpClient()))
      const givingUp = over(() =>
        HttpClient.make((request) =>
          Effect.fail(
            new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request }) })
          )
        )
      )
      const answering = over(() =>
        HttpClient.make((request) => Effect.succeed(HttpClientResponse.fromWeb(request, new Response(ok().body))))
      )
      const once = RetryPolicy.with(RetryPolicy.none)
      const gaveUp = yield* Meter.metered(once(ask())).pipe(Effect.provide(givingUp))
      const answered = yield* Meter.metered(once(ask())).pipe(Effect.provide(answering))
      assert.deepStrictEqual(Meter.words(gaveUp.seen), ["not sent: ConnectionFailed"])
      assert.deepStrictEqual(Meter.words(answered.seen), ["Completed"])
    }))

  /** Sends at once, and then takes its time. */
  const slowly = (answer: Transport.Answer, delay: Duration.Input) =>
    OpenRouter.layerTransport.pipe(Layer.provide(Layer.succeed(
      Transport.Transport,
      Transport.make(() => Effect.delay(Effect.succeed(answer), delay))
    )))

  const late: ReadonlyArray<readonly [string, Layer.Layer<OpenRouter.OpenRouter>]> = [
    ["its headers", slowly(Transport.answer({ body: ok().body }), "1 hour")],
    [
      "its body",
      slowly({ ...Transport.answer({ body: "" }), text: Effect.delay(Effect.succeed(ok().body), "1 hour") }, 0)
    ]
  ]

  it.effect.each(late)("a transport that takes too long is given up: %s", ([_, layer]) =>
    Effect.gen(function*() {
      yield* atT0
      const fiber = yield* Effect.forkChild(Meter.metered(tenSeconds(ask())), { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      const { exit, seen } = yield* Fiber.join(fiber)
      const error = yield* Effect.flip(exit)
      assert.deepStrictEqual(error._tag === "TimedOut" ? [error.phase, error.attempts] : [error._tag], ["response", 1])
      assert.deepStrictEqual(Meter.words(seen), ["TimedOut"])
    }).pipe(Effect.provide(layer)))

  it.effect("a transport that forgets to say so has sent what it answers", () =>
    Effect.gen(function*() {
      const { seen } = yield* Meter.metered(Effect.andThen(ask(), Stream.runDrain(stream)))
      assert.deepStrictEqual(Meter.words(seen), ["Completed", "Completed"])
    }).pipe(Effect.provide(OpenRouter.layerTransport.pipe(Layer.provide(Layer.succeed(Transport.Transport, {
      ...Transport.make(() => Effect.never),
      send: ({ headers }) =>
        Effect.succeed(Transport.answer({ body: headers["accept"] === "text/event-stream" ? story : ok().body }))
    }))))))

  const tagged = { "x-generation-id": "gen-9" }

  const silent: ReadonlyArray<readonly [string, Transport.Answer]> = [
    ["text", { ...Transport.answer({ headers: tagged, body: "" }), text: Effect.never }],
    ["chunks", Transport.answer({ headers: tagged, body: Stream.never })]
  ]

  it.effect.each(silent)(
    "the id of the generation is known as soon as the headers are there: %s",
    ([kind, answer]) =>
      Effect.gen(function*() {
        const call = kind === "text" ? Effect.asVoid(ask()) : Stream.runDrain(stream)
        const { seen } = yield* Meter.patiently(Meter.metered(Effect.timeoutOption(call, "1 second")))
        const ended = seen[0]?.ends[0]
        assert.deepStrictEqual(Meter.words(seen), ["interrupted"])
        assert.strictEqual(ended?._tag === "Sent" ? ended.generationId : undefined, "gen-9")
      }).pipe(Effect.provide(slowly(answer, 0)))
  )
})
