/**
 * An OpenRouter server for tests and simulations: what it can be asked to do.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { ReceivedRequest } from "../../domain/emulator/Exchange.ts"
import type { Ledger } from "../../domain/emulator/Ledger.ts"
import type { Rule } from "../../domain/emulator/Rule.ts"

/**
 * The running emulator.
 *
 * - `app`: the server as an effect for any `HttpServer`; `client`: the same without a port, in the caller's fiber.
 * - `ledger`: what was charged so far, exactly.
 * - `requests`: the newest 1,000 requests, oldest first, without their credentials.
 * - `openRequests`: how many calls wait for their answer or have a stream that goes on. Zero when every caller was served
 *   or has left.
 * - `addRule`: adds a rule behind those that are there.
 * - `reset`: back to the state after the start: empty books, no requests, only the rules of the options.
 *
 * @since 0.1.0
 */
export class Emulator extends Context.Service<Emulator, {
  readonly app: Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest>
  readonly client: HttpClient.HttpClient
  readonly ledger: Effect.Effect<Ledger>
  readonly requests: Effect.Effect<ReadonlyArray<ReceivedRequest>>
  readonly openRequests: Effect.Effect<number>
  readonly addRule: (rule: Rule) => Effect.Effect<void>
  readonly reset: Effect.Effect<void>
}>()("effect-openrouter/Emulator") {}
