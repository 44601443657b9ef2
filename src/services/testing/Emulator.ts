/**
 * An OpenRouter server for tests and simulations: what it can be asked to do.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { ReceivedRequest } from "../../domain/emulator/Exchange.ts"
import type { Ledger } from "../../domain/emulator/Ledger.ts"
import type { Outage } from "../../domain/emulator/Outage.ts"
import type { Limit } from "../../domain/emulator/Quota.ts"
import type { WindowTraffic } from "../../domain/emulator/RateWindow.ts"
import type { Rule } from "../../domain/emulator/Rule.ts"

/**
 * The running emulator.
 *
 * - `app`: the server as an effect for any `HttpServer`; `client`: the same without a port, in the caller's fiber.
 * - `handler`: the same as a function of web requests, for tools that intercept `fetch`; it rejects where the connection
 *   breaks.
 * - `ledger`: what was charged so far, exactly.
 * - `traffic`: what each window of each limit saw: the newest 1,000 that are over and those that are open.
 * - `requests`: the newest 1,000 requests, oldest first, without their credentials.
 * - `openRequests`: how many calls wait for their answer or have a stream that goes on. Zero when every caller was served
 *   or has left.
 * - `openConnections`: how many sockets callers hold open, idle ones included; none are seen in-process.
 * - `addRule`: adds a rule behind those that are there.
 * - `setLimits`: replaces all rate limits, those of the options included. One of the same name and scope goes on with what
 *   its windows have counted. Dies when a limit is malformed.
 * - `setOutages`: replaces all outages; their `from` and `to` count from now. `[{}]` is an outage until further notice, and
 *   `[]` ends it.
 * - `addCredits`: buys credits, in USD as decimal text; dies when it is no decimal number.
 * - `advance`: moves the server's clock forward; with virtual time nothing else does but its delays.
 * - `reset`: back to the state after the start: empty books, no requests, only what the options say.
 *
 * @since 0.1.0
 */
export class Emulator extends Context.Service<Emulator, {
  readonly app: Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest>
  readonly client: HttpClient.HttpClient
  readonly handler: (request: globalThis.Request) => Promise<globalThis.Response>
  readonly ledger: Effect.Effect<Ledger>
  readonly traffic: Effect.Effect<ReadonlyArray<WindowTraffic>>
  readonly requests: Effect.Effect<ReadonlyArray<ReceivedRequest>>
  readonly openRequests: Effect.Effect<number>
  readonly openConnections: Effect.Effect<number>
  readonly addRule: (rule: Rule) => Effect.Effect<void>
  readonly setLimits: (limits: ReadonlyArray<Limit>) => Effect.Effect<void>
  readonly setOutages: (outages: ReadonlyArray<Outage>) => Effect.Effect<void>
  readonly addCredits: (usd: string) => Effect.Effect<void>
  readonly advance: (by: Duration.Input) => Effect.Effect<void>
  readonly reset: Effect.Effect<void>
}>()("effect-openrouter/Emulator") {}
