import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Option, type Redacted, Schema, Stream } from "effect"
import { CostLedger, OpenRouter, OpenRouterError, RetryPolicy, Transport } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { FetchHttpClient, HttpClient, HttpClientError, HttpClientResponse } from "effect/http"
import { apiKey, ask, failure, ok, tcpServer } from "../layers/client/support.ts"
import * as S from "../layers/stream/support.ts"

/** Tries again at once, so that what is sent twice is seen. */
const eager = RetryPolicy.with(RetryPolicy.make({ base: "1 millis", times: 2 }))

const settings = (apiUrl: string): { apiKey: Redacted.Redacted; apiUrl: string } => ({ apiKey, apiUrl })

const overHttp = (client: Layer.Layer<HttpClient.HttpClient>) => (apiUrl: string) =>
  OpenRouter.layer(settings(apiUrl)).pipe(Layer.provide(client))

const clients = {
  fetch: (apiUrl: string) => OpenRouter.layerTransport.pipe(Layer.provide(Transport.layerFetch(settings(apiUrl)))),
  "stock fetch": overHttp(FetchHttpClient.layer),
  "stock undici": overHttp(NodeHttpClient.layerUndici),
  "/node": overHttp(DispatchHttpClient.layer)
}

const ways = Object.entries(clients)

/** A client whose HTTP client is this function. */
const over = (
  send: Parameters<typeof HttpClient.make>[0],
  transformClient: NonNullable<OpenRouter.Options["transformClient"]> = (client) => client
) =>
  OpenRouter.layer({ apiKey, transformClient }).pipe(
    Layer.provide(Layer.succeed(HttpClient.HttpClient, HttpClient.make(send)))
  )

/** A client whose `fetch` throws this. */
const throwing = (cause: unknown) => {
  const sent = { count: 0 }
  const fetch = () => {
    sent.count++
    return Promise.reject(cause)
  }
  const layer = OpenRouter.layerTransport.pipe(
    Layer.provide(Transport.layerFetch({ apiKey })),
    Layer.merge(Layer.succeed(FetchHttpClient.Fetch, fetch))
  )
  return { sent, layer }
}

/** How a call failed, how often it was sent, and how many of its costs are unknown. */
const failed = (requests: () => number) =>
  Effect.gen(function*() {
    const ledger = yield* CostLedger.make()
    const error = yield* Effect.flip(ledger.run(eager(ask())))
    const { unknown } = yield* ledger.report
    return { error, requests: requests(), unknown }
  })

describe("the kind of a failure of the HTTP client", () => {
  const answering =
    (reply: ReturnType<typeof failure>, onSent: () => void) =>
    (request: Parameters<typeof HttpClientResponse.fromWeb>[0]) =>
      Effect.sync(() => {
        onSent()
        return HttpClientResponse.fromWeb(request, new Response(reply.body, reply))
      })

  it.live.each(
    [
      [401, "InvalidApiKey", 1],
      [402, "PaymentRequired", 1],
      [404, "ModelUnavailable", 1],
      [400, "InvalidRequest", 1],
      [503, "ProviderOverloaded", 3]
    ] as const
  )("#17 over a client with filterStatusOk a %i is %s", ([status, tag, times]) =>
    Effect.gen(function*() {
      let sent = 0
      const layer = over(answering(failure(status), () => sent++), HttpClient.filterStatusOk)
      const { error, requests } = yield* Effect.provide(failed(() => sent), layer)
      assert.deepInclude(error, { _tag: tag, status })
      assert.strictEqual(error.message, `status ${status}`)
      assert.strictEqual(requests, times)
      const streamed = yield* Stream.runDrain(OpenRouter.stream(S.request)).pipe(
        RetryPolicy.with(RetryPolicy.none),
        Effect.flip,
        Effect.provide(layer)
      )
      assert.strictEqual(streamed._tag, tag)
    }))

  it.live("#17 over a client that filters by status the hints of a 429 are kept", () =>
    Effect.gen(function*() {
      const reply = failure(429, { headers: { "retry-after": "7" } })
      const error = yield* ask().pipe(
        RetryPolicy.with(RetryPolicy.none),
        Effect.flip,
        Effect.provide(over(answering(reply, () => {}), HttpClient.filterStatusOk))
      )
      assert.strictEqual(error._tag === "RateLimited" && error.resetAt !== undefined, true)
    }))

  it.live("#17 a filter may have read the body before", () =>
    Effect.gen(function*() {
      let sent = 0
      const filtered = HttpClient.transformResponse(Effect.flatMap((response: HttpClientResponse.HttpClientResponse) =>
        Effect.andThen(Stream.runDrain(response.stream), HttpClientResponse.filterStatusOk(response))
      ))
      const { error, requests } = yield* failed(() =>
        sent
      ).pipe(
        Effect.provide(over(answering(failure(401), () => sent++), filtered))
      )
      assert.deepInclude(error, { _tag: "InvalidApiKey", status: 401 })
      assert.strictEqual(requests, 1)
    }))

  it.live("#17 an interceptor of undici may have made an error of a status", () =>
    Effect.gen(function*() {
      let sent = 0
      const { url } = yield* tcpServer((socket) => {
        socket.on("error", () => {})
        socket.on("data", () => {
          sent++
          const { body } = failure(401)
          socket.end(
            `HTTP/1.1 401 No\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`
          )
        })
      })
      const client = Layer.effect(
        HttpClient.HttpClient,
        Effect.gen(function*() {
          const { interceptors } = yield* Effect.promise(() => import("@effect/platform-node/Undici"))
          const dispatcher = yield* NodeHttpClient.Dispatcher
          return DispatchHttpClient.make(dispatcher.compose(interceptors.responseError()))
        })
      ).pipe(Layer.provide(NodeHttpClient.layerDispatcher))
      const { error, requests } = yield* Effect.provide(failed(() => sent), overHttp(client)(url))
      assert.deepInclude(error, { _tag: "InvalidApiKey", status: 401, message: "status 401" })
      assert.strictEqual(requests, 1)
    }).pipe(Effect.scoped))

  const reasons = {
    EncodeError: HttpClientError.EncodeError,
    InvalidUrlError: HttpClientError.InvalidUrlError
  }

  it.live.each(Object.entries(reasons))(
    "#17 %s is InvalidRequest, sent never and free",
    ([, Reason]) =>
      Effect.gen(function*() {
        let count = 0
        const { error, requests, unknown } = yield* failed(() => count).pipe(Effect.provide(over((request) => {
          count++
          return Effect.fail(
            new HttpClientError.HttpClientError({ reason: new Reason({ request, cause: new Error("no such thing") }) })
          )
        })))
        assert.deepInclude(error, { _tag: "InvalidRequest", origin: "local", isRetryable: false })
        assert.include(error.message, "no such thing")
        assert.deepStrictEqual([requests, unknown], [1, 0])
      })
  )

  it.live("#17 an answer that somebody before could not decode is final, its cost unknown", () =>
    Effect.gen(function*() {
      let count = 0
      const { error, requests, unknown } = yield* failed(() => count).pipe(Effect.provide(over((request) => {
        count++
        const response = HttpClientResponse.fromWeb(request, new Response("{}"))
        return Effect.fail(
          new HttpClientError.HttpClientError({
            reason: new HttpClientError.DecodeError({ request, response, description: "not as expected" })
          })
        )
      })))
      assert.strictEqual(error._tag, "MalformedResponse")
      assert.deepStrictEqual([requests, unknown], [1, 1])
    }))

  it.live("#17 a mistake in a program is a defect, not a failure of the network", () =>
    Effect.gen(function*() {
      const mistake = new TypeError("dispatcher.dispatch is not a function")
      const { layer, sent } = throwing(mistake)
      const exit = yield* Effect.exit(eager(ask())).pipe(Effect.provide(layer))
      assert.isTrue(Exit.hasDies(exit))
      assert.strictEqual(sent.count, 1)
      const transport = over((request) =>
        Effect.fail(
          new HttpClientError.HttpClientError({
            reason: new HttpClientError.TransportError({ request, cause: mistake })
          })
        )
      )
      assert.isTrue(Exit.hasDies(yield* Effect.exit(eager(ask())).pipe(Effect.provide(transport))))
    }))

  it("#17 what is no dispatcher is refused when the client is made, with what to do", () => {
    const dispatcher: Parameters<typeof DispatchHttpClient.make>[0] = JSON.parse("{}")
    assert.throws(() => DispatchHttpClient.make(dispatcher), /cannot be used on this runtime.*layerFetch/)
  })

  it.live("#17 what the HTTP client does not take is InvalidRequest", () =>
    Effect.gen(function*() {
      const { layer, sent } = throwing(
        Object.assign(new Error("invalid onConnect method"), { code: "UND_ERR_INVALID_ARG" })
      )
      const { error, requests } = yield* Effect.provide(failed(() => sent.count), layer)
      assert.deepInclude(error, { _tag: "InvalidRequest", origin: "local" })
      assert.strictEqual(requests, 1)
    }))
})

const nested = (message: string) => new TypeError("fetch failed", { cause: new Error(message) })

const coded = (code: string) => new TypeError("fetch failed", { cause: Object.assign(new Error("no"), { code }) })

const asError = Schema.decodeUnknownEffect(Schema.toCodecJson(OpenRouterError.OpenRouterError))

describe("what a failure of the network means", () => {
  it.live.each(
    [
      [
        "Deno: refused",
        nested(
          "error sending request for url (http://x/): client error (Connect): tcp connect error: Connection refused (os error 111)"
        ),
        "ECONNREFUSED"
      ],
      [
        "Deno: no such host",
        nested(
          "error sending request for url (http://x/): client error (Connect): dns error: failed to lookup address information: Name or service not known"
        ),
        "ENOTFOUND"
      ],
      [
        "Bun: refused",
        Object.assign(new TypeError("ECONNREFUSED: Unable to connect."), { code: "ECONNREFUSED" }),
        "ECONNREFUSED"
      ],
      [
        "Bun before 1.2: refused",
        Object.assign(new Error("Unable to connect."), { code: "ConnectionRefused" }),
        "ConnectionRefused"
      ],
      [
        "Node: several addresses",
        new TypeError("fetch failed", {
          cause: new AggregateError([Object.assign(new Error("no"), { code: "ENETUNREACH" })])
        }),
        "ENETUNREACH"
      ],
      [
        "Node: a connect that took too long",
        new TypeError("fetch failed", {
          cause: Object.assign(new Error("no"), { code: "ETIMEDOUT", syscall: "connect" })
        }),
        "ETIMEDOUT"
      ],
      ["a proxy", coded("UND_ERR_PRX_CONN"), "UND_ERR_PRX_CONN"]
    ] as const
  )("#17 no connection is connecting, tried again and free: %s", ([, cause, reason]) =>
    Effect.gen(function*() {
      const { layer, sent } = throwing(cause)
      const { error, requests, unknown } = yield* Effect.provide(failed(() => sent.count), layer)
      assert.deepInclude(error, { _tag: "ConnectionFailed", phase: "connecting", reason })
      assert.deepStrictEqual([requests, unknown], [3, 0])
    }))

  it.live.each(
    [
      ["Node: certificate", coded("DEPTH_ZERO_SELF_SIGNED_CERT"), "DEPTH_ZERO_SELF_SIGNED_CERT"],
      ["Node: name", coded("ERR_TLS_CERT_ALTNAME_INVALID"), "ERR_TLS_CERT_ALTNAME_INVALID"],
      [
        "Deno: certificate",
        nested(
          "error sending request for url (https://x/): client error (Connect): invalid peer certificate: UnknownIssuer"
        ),
        "CERT_UNTRUSTED"
      ],
      [
        "Deno: no TLS",
        nested(
          "error sending request for url (https://x/): client error (Connect): received corrupt message of type InvalidContentType"
        ),
        "EPROTO"
      ],
      [
        "Deno: not allowed",
        Object.assign(new Error("Requires net access to \"x:443\", run again with the --allow-net flag"), {
          name: "NotCapable"
        }),
        "EACCES"
      ]
    ] as const
  )("#27 a certificate that is wrong stays wrong: %s", ([, cause, reason]) =>
    Effect.gen(function*() {
      const { layer, sent } = throwing(cause)
      const { error, requests, unknown } = yield* Effect.provide(failed(() => sent.count), layer)
      assert.deepInclude(error, { _tag: "ConnectionFailed", phase: "connecting", reason, isRetryable: false })
      assert.deepStrictEqual([requests, unknown], [1, 0])
      const stored = yield* asError(
        yield* Schema.encodeEffect(Schema.toCodecJson(OpenRouterError.OpenRouterError))(error)
      )
      assert.isFalse(stored.isRetryable)
    }))

  it.live.each(
    [
      ["undici: headers", coded("UND_ERR_HEADERS_OVERFLOW"), "tooLarge"],
      ["node:http: headers", coded("HPE_HEADER_OVERFLOW"), "tooLarge"],
      [
        "Deno: headers",
        nested(
          "error sending request from 127.0.0.1:1 for http://x/: client error (SendRequest): message head is too large"
        ),
        "tooLarge"
      ],
      [
        "undici: no HTTP",
        nested("Response does not match the HTTP/1.1 protocol (Invalid character in chunk size)"),
        undefined
      ],
      ["node:http: no HTTP", coded("HPE_INVALID_CONSTANT"), undefined],
      ["Bun: no HTTP", Object.assign(new TypeError("no"), { code: "Malformed_HTTP_Response" }), undefined],
      [
        "Deno: no HTTP",
        nested("error sending request for http://x/: client error (SendRequest): invalid HTTP version parsed"),
        undefined
      ],
      ["Node: redirects", nested("redirect count exceeded"), undefined],
      ["Bun: redirects", Object.assign(new TypeError("no"), { code: "TooManyRedirects" }), undefined],
      ["Deno: redirects", new TypeError("Fetch failed: Maximum number of redirects (20) reached"), undefined],
      ["undici: redirects", coded("UND_ERR_REDIRECT_MAX"), undefined]
    ] as const
  )(
    "#27 what arrived and cannot be read is final, its cost unknown: %s",
    ([, cause, reason]) =>
      Effect.gen(function*() {
        const { layer, sent } = throwing(cause)
        const { error, requests, unknown } = yield* Effect.provide(failed(() => sent.count), layer)
        assert.strictEqual(error._tag, "MalformedResponse")
        assert.strictEqual(error._tag === "MalformedResponse" ? error.reason : "", reason)
        assert.deepStrictEqual([requests, unknown], [1, 1])
      })
  )

  it.live.each([
    "UND_ERR_SOCKET",
    "ECONNRESET",
    "EPIPE",
    "UND_ERR_INFO",
    "HPE_INVALID_EOF_STATE",
    "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
    "SOME_NEW_CODE"
  ])(
    "#27 a connection that broke is tried again: %s",
    (code) =>
      Effect.gen(function*() {
        const { layer, sent } = throwing(coded(code))
        const { error, requests } = yield* Effect.provide(failed(() => sent.count), layer)
        assert.deepInclude(error, { _tag: "ConnectionFailed", phase: "sending", reason: code })
        assert.strictEqual(requests, 3)
      })
  )

  it.live("#17 the words of a runtime are told as far as one line, and not without end", () =>
    Effect.gen(function*() {
      const { layer } = throwing(new Error(`${"x".repeat(1000)}\nconst secret = 1`))
      const error = yield* Effect.flip(ask()).pipe(RetryPolicy.with(RetryPolicy.none), Effect.provide(layer))
      assert.isBelow(error.message.length, 300)
      assert.notInclude(error.message, "secret")
    }))
})

describe("over real sockets", () => {
  const counting = (answer: string) =>
    Effect.gen(function*() {
      const sent = { count: 0 }
      const { url } = yield* tcpServer((socket) => {
        socket.on("error", () => {})
        socket.on("data", () => {
          sent.count++
          socket.end(answer)
        })
      })
      return { sent, url }
    })

  it.live.each(ways)("#27 headers that are too large are not bought again: %s", ([, client]) =>
    Effect.gen(function*() {
      const { sent, url } = yield* counting(
        `HTTP/1.1 200 OK\r\nconnection: close\r\nx-large: ${"a".repeat(300_000)}\r\n\r\n${ok().body}`
      )
      const { error, requests, unknown } = yield* Effect.provide(failed(() => sent.count), client(url))
      assert.deepInclude(error, { _tag: "MalformedResponse", reason: "tooLarge" })
      assert.deepStrictEqual([requests, unknown], [1, 1])
    }).pipe(Effect.scoped))

  it.live.each(ways)("#27 what is no HTTP is not bought again: %s", ([, client]) =>
    Effect.gen(function*() {
      const { sent, url } = yield* counting("SSH-2.0-OpenSSH\r\n")
      const { error, requests } = yield* Effect.provide(failed(() => sent.count), client(url))
      assert.strictEqual(error._tag, "MalformedResponse")
      assert.strictEqual(requests, 1)
    }).pipe(Effect.scoped))

  const wrong = {
    "that nobody asked for": `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n${ok().body}`,
    "that changes the protocol": "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"
  }

  it.live.each(
    ways.flatMap(([way, client]) => Object.entries(wrong).map(([name, answer]) => [name, way, answer, client] as const))
  )(
    "an answer %s is not bought again: %s",
    ([, , answer, client]) =>
      Effect.gen(function*() {
        const { sent, url } = yield* counting(answer)
        const exit = yield* Effect.exit(Effect.provide(ask(), client(url)))
        assert.strictEqual(sent.count, 1)
        const error = Option.getOrUndefined(Exit.findErrorOption(exit))
        assert.isTrue(error === undefined || error._tag === "MalformedResponse", String(error))
      }).pipe(Effect.scoped)
  )

  it.live.each(ways)("#27 a server that speaks no TLS is asked once: %s", ([, client]) =>
    Effect.gen(function*() {
      const { url } = yield* counting("HTTP/1.1 400 Bad\r\n\r\n")
      const { error } = yield* Effect.provide(failed(() => 0), client(url.replace("http:", "https:")))
      assert.deepInclude(error, { _tag: "ConnectionFailed", phase: "connecting", isRetryable: false, attempts: 1 })
    }).pipe(Effect.scoped))

  it.live.each(ways)("#27 a redirect loop ends at once: %s", ([, client]) =>
    Effect.gen(function*() {
      const { sent, url } = yield* counting(
        "HTTP/1.1 307 There\r\nlocation: /here\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
      )
      const { error, requests } = yield* Effect.provide(failed(() => sent.count), client(url))
      assert.deepInclude(error, { _tag: "UnexpectedStatus", status: 307 })
      assert.strictEqual(requests, 1)
    }).pipe(Effect.scoped))

  it.live.each(ways)("#27 a refused connection is connecting: %s", ([, client]) =>
    Effect.gen(function*() {
      const url = yield* Effect.scoped(Effect.map(counting(""), ({ url }) => url))
      const error = yield* Effect.flip(ask()).pipe(RetryPolicy.with(RetryPolicy.none), Effect.provide(client(url)))
      assert.deepInclude(error, { _tag: "ConnectionFailed", phase: "connecting", reason: "ECONNREFUSED" })
    }))
})
