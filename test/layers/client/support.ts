import { NodeHttpClient, NodeHttpServer } from "@effect/platform-node"
import { Clock, Context, Effect, Layer, Redacted, Ref, Schema } from "effect"
import { type CreateResponse, OpenRouter, OpenRouterError, RateGate, RetryPolicy } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { Emulator } from "effect-openrouter/testing"
import { FetchHttpClient, HttpClient, HttpClientError, HttpClientResponse, HttpServer } from "effect/http"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"
import * as Net from "node:net"

export const apiKey = Redacted.make("sk-or-v1-0123456789abcdef")

export const model = "openai/gpt-5"

/** An instant that looks like one: at the test clock's zero a reset in milliseconds would read as seconds. */
export const t0 = 1_790_000_000_000

export const atT0 = TestClock.setTime(t0)

/** Every failure is final, for tests that are not about waiting. */
export const once = Layer.succeed(RetryPolicy.CurrentRetryPolicy, RetryPolicy.none)

/** A client whose calls never wait for one another. */
export const ungated = <A, E, R>(layer: Layer.Layer<A, E, R>) => Layer.provide(layer, RateGate.none)

export const final = <A, E, R>(layer: Layer.Layer<A, E, R>) => Layer.merge(ungated(layer), once)

/** The client of an emulator without a port. */
export const emulated = (
  options?: Emulator.Options
): Layer.Layer<OpenRouter.OpenRouter | Emulator.Emulator> =>
  OpenRouter.layer({ apiKey }).pipe(Layer.provideMerge(Emulator.layerHttpClient(options)))

const httpClients = {
  fetch: FetchHttpClient.layer,
  undici: NodeHttpClient.layerUndici,
  dispatch: DispatchHttpClient.layer
}

/** How a client reaches its server. */
export type Over = keyof typeof httpClients

const urlOf = (server: HttpServer.HttpServer["Service"]): string =>
  `http://127.0.0.1:${"port" in server.address ? server.address.port : 0}/api/v1`

/** An emulator on a free port, and its client over real HTTP. */
export const served = (
  options?: Emulator.Options,
  over: Over = "fetch",
  transformClient?: OpenRouter.Options["transformClient"]
) =>
  Layer.unwrap(
    Effect.map(HttpServer.HttpServer, (server) => OpenRouter.layer({ apiKey, apiUrl: urlOf(server), transformClient }))
  ).pipe(
    Layer.provide(httpClients[over]),
    Layer.merge(Emulator.layerServer(options)),
    Layer.provide(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
  )

/** What a server sends back, as much of it as matters here. */
export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

export const json = (body: Schema.Json, status = 200, headers: Readonly<Record<string, string>> = {}): Reply => ({
  status,
  headers,
  body: JSON.stringify(body)
})

const okBody = {
  id: "resp_1",
  object: "response",
  status: "completed",
  model,
  output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "Hi", annotations: [] }] }],
  usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5, cost: 0.00002 }
} as const

/** A response that is fine, with some members replaced or added. */
export const ok = (members: { readonly [key: string]: Schema.Json } = {}): Reply => json({ ...okBody, ...members })

export const failure = (
  status: number,
  { headers = {}, ...error }: {
    readonly headers?: Readonly<Record<string, string>>
    readonly [key: string]: Schema.Json
  } = {}
): Reply => json({ error: { code: status, message: `status ${status}`, ...error } }, status, headers)

/** A request as it was sent. */
export interface Sent {
  readonly at: number
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

/** The requests that a {@link scripted} server has received. */
export class Script extends Context.Service<Script, { readonly sent: Effect.Effect<ReadonlyArray<Sent>> }>()(
  "test/client/Script"
) {}

export const sent = Script.use((script) => script.sent)

/** Milliseconds between the requests. */
export const waits = Effect.map(sent, (sent) => sent.slice(1).map(({ at }, index) => at - (sent[index]?.at ?? 0)))

/** A client whose server says these things in turn, the last one for ever. `"disconnect"` breaks the connection. */
export const scripted = (
  replies: ReadonlyArray<Reply | "disconnect">,
  options: OpenRouter.Options = {}
): Layer.Layer<OpenRouter.OpenRouter | Script> =>
  Layer.unwrap(Effect.gen(function*() {
    const requests = yield* Ref.make<ReadonlyArray<Sent>>([])
    const client = HttpClient.make(Effect.fnUntraced(function*(request) {
      const sent: Sent = {
        at: yield* Clock.currentTimeMillis,
        method: request.method,
        url: request.url,
        headers: { ...request.headers },
        body: request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
      }
      const all = yield* Ref.updateAndGet(requests, (requests) => [...requests, sent])
      const reply = replies[Math.min(all.length, replies.length) - 1]
      if (reply === undefined || reply === "disconnect") {
        return yield* new HttpClientError.HttpClientError({
          reason: new HttpClientError.TransportError({ request, description: "broken" })
        })
      }
      const { body, headers = {}, status = 200 } = reply
      return HttpClientResponse.fromWeb(request, new Response(status === 204 ? null : body, { status, headers }))
    }))
    return OpenRouter.layer({ apiKey, ...options }).pipe(
      Layer.provide(Layer.succeed(HttpClient.HttpClient, client)),
      Layer.merge(Layer.succeed(Script, { sent: Ref.get(requests) }))
    )
  }))

/** A TCP server on a free port that does what it likes with each connection. */
export const tcpServer = (onConnection: (socket: Net.Socket) => void) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: Net.Server; readonly url: string }>((resume) => {
      const server = Net.createServer(onConnection)
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({ server, url: `http://127.0.0.1:${port}/api/v1` }))
      })
    }),
    ({ server }) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
  )

/** A client of a given address, over real HTTP. */
export const clientOf = (apiUrl: string, over: Over = "fetch") =>
  OpenRouter.layer({ apiKey, apiUrl }).pipe(Layer.provide(httpClients[over]), Layer.merge(once))

export const ask = (input = "Hello") => OpenRouter.respond({ model, input })

export const askFor = (model: string, input = "Hello") => OpenRouter.respond({ model, input })

/** A request that the compiler would reject. */
export const untyped = (text: string): CreateResponse.Sendable => JSON.parse(text)

/** An error as JSON, the form in which errors are stored and sent between processes. */
export const errorJson = Schema.encodeEffect(Schema.toCodecJson(OpenRouterError.OpenRouterError))

/** The members of an error as JSON, also those that this form leaves out. */
export const errorFacts = (error: OpenRouterError.OpenRouterError) =>
  Effect.flatMap(
    Schema.encodeEffect(OpenRouterError.Complete)(error),
    Schema.decodeUnknownEffect(Schema.Record(Schema.String, Schema.Unknown))
  )
