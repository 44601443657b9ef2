/**
 * The whole emulated server as one pure function: state and request in, state and decision out.
 *
 * A layer only has to read the request, apply {@link step} atomically, wait as long as the decision says, and send it or
 * play its script.
 * The order of the checks: what is no request to the API, path, key, size, JSON, parameters; then for each candidate model: slug, rate limits, credits,
 * outages, rules, built-in models, answer. A candidate that ends in an error makes way for the next one of `models`.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Account from "./AccountDocument.ts"
import * as AnswerCache from "./AnswerCache.ts"
import * as Generation from "./Answering.ts"
import * as Catalog from "./Catalog.ts"
import * as Chat from "./ChatDocument.ts"
import * as ControlPanel from "./ControlPanel.ts"
import {
  type Arrival,
  type Context,
  type Decision,
  interrupt,
  type ReceivedRequest,
  send,
  sendFault,
  type State,
  type Step
} from "./Exchange.ts"
import { httpDate } from "./Fault.ts"
import * as Ledger from "./Ledger.ts"
import * as OfflineBatch from "./OfflineBatch.ts"
import type { Config } from "./Options.ts"
import type { JsonObject } from "./Prompt.ts"
import * as RateWindow from "./RateWindow.ts"
import * as Reply from "./Reply.ts"
import * as Rule from "./Rule.ts"
import * as Embedding from "./Vector.ts"

/** How many requests are remembered. */
const remembered = 1000

/**
 * Serves one request at the given instant by the server's clock (milliseconds since the epoch).
 *
 * @since 0.1.0
 */
export const step = (config: Config, before: State, arrival: Arrival, now: number): Step => {
  const context = contextOf({ ...config, credits: before.credits }, arrival, now)
  const control = ControlPanel.serve({ ...context, config }, before)
  if (control !== undefined) return [ControlPanel.readable(control[0], arrival), control[1]]
  const requests = [...before.requests.slice(1 - remembered), received(context)]
  const state: State = OfflineBatch.settle(config, { ...before, requests }, now)
  const [decision, after] = route(context, state)
  const outcome = "status" in decision ? String(decision.status) : decision._tag.toLowerCase()
  return [ControlPanel.readable(dated(decision, now), arrival), { ...after, books: Ledger.count(after.books, outcome) }]
}

/** A reply tells when it was sent, by the server's clock; some clients correct other instants by that. */
const dated = (decision: Decision, now: number): Decision =>
  decision._tag === "Send" || decision._tag === "Stream"
    ? { ...decision, headers: { Date: httpDate(now + decision.delay), ...decision.headers } }
    : decision

const basePath = "/api/v1"

const contextOf = (config: Config, arrival: Arrival, now: number): Context => {
  const [pathname = "", query = ""] = arrival.url.split("?", 2)
  const trimmed = pathname.length > 1 ? pathname.replace(/\/$/, "") : pathname
  return {
    config,
    arrival,
    now,
    path: trimmed.startsWith(`${basePath}/`) ? trimmed.slice(basePath.length) : "",
    query: new URLSearchParams(query),
    key: /^Bearer\s+(\S+)\s*$/i.exec(arrival.headers["authorization"] ?? "")?.[1] ?? "",
    json: parseJson(arrival.body),
    latency: 0
  }
}

const parseJson = (text: string | undefined): unknown => {
  if (text === undefined || text === "") return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const received = ({ arrival, json, key, now }: Context): ReceivedRequest => {
  const { authorization: _, cookie: __, ...headers } = arrival.headers
  return {
    at: DateTime.makeUnsafe(now),
    method: arrival.method,
    path: arrival.url.split("?", 1)[0] ?? "",
    headers,
    key: Ledger.keyLabel(key),
    text: arrival.body ?? "",
    body: json
  }
}

const route = (context: Context, state: State): Step => {
  const { arrival, config, key, path, query } = context
  const fail = (status: number, message?: string): Step => [
    sendFault(context, Reply.failure(status, message === undefined ? {} : { message })),
    state
  ]
  const isKnown = key !== "" && (config.keys === undefined || config.keys.has(key))
  const offline = OfflineBatch.serve(context, state)
  if (offline !== undefined) return isKnown ? offline : fail(401)
  const serve = arrival.method === "POST" ? services.get(path) : undefined
  const document = arrival.method === "GET" ? documentOf(path) : undefined
  if (serve === undefined && document === undefined) {
    return fail(404, ControlPanel.hint(arrival.method, arrival.url, [...services.keys()], [...documents.keys()]))
  }
  if (!isKnown) return fail(401)
  if (serve !== undefined) return cached(context, state, serve)

  const call: Rule.Call = { path, key: Ledger.keyLabel(key), model: "", text: "", attempt: 1, body: {} }
  const [reply, rules] = Rule.fire(state.rules, call)
  const next: State = { ...state, rules }
  if (reply !== undefined && Reply.isInterruption(reply)) return [interrupt(context, reply), next]
  const body = document?.(context, state, query)
  return [body === undefined ? sendFault(context, Reply.failure(404)) : send(context, body, reply ?? {}), next]
}

/** Serves a request from the response cache, if it wants that and its answer is there. */
const cached = (context: Context, state: State, serve: (context: Context, state: State) => Step): Step => {
  const wish = AnswerCache.wishOf(context)
  if (wish === undefined) return serve(context, state)
  const kept = AnswerCache.find(state.cache, wish, context.now)
  if (kept !== undefined) return [AnswerCache.hit(kept, wish, context.now), state]
  const [decision, after] = serve(context, state)
  const [told, cache] = AnswerCache.miss(after.cache, wish, decision, context.now)
  return [told, { ...after, cache }]
}

const services: ReadonlyMap<string, (context: Context, state: State) => Step> = new Map([
  ["/responses", Generation.respond(Generation.responses)],
  ["/chat/completions", Generation.respond(Chat.dialect)],
  ["/embeddings", Embedding.respond]
])

type Document = (context: Context, state: State, query: URLSearchParams) => JsonObject | undefined

const documentOf = (path: string): Document | undefined => {
  const named = documents.get(path)
  const model = named === undefined ? /^\/models\/(.+)\/endpoints$/.exec(path)?.[1] : undefined
  return model === undefined ? named : ({ config }) => Catalog.endpoints(config, decode(model))
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const documents: ReadonlyMap<string, Document> = new Map<string, Document>([
  ["/key", ({ key, now }, state) => Account.key(state.books, key, RateWindow.freeDaily(state, now))],
  ["/credits", ({ config }, { books }) => Account.credits(books, config)],
  ["/models", ({ config }) => Catalog.models(config)],
  ["/models/user", ({ config }) => Catalog.models(config)],
  ["/models/count", ({ config }) => Catalog.count(config)],
  ["/providers", () => Catalog.providers],
  ["/generation", (_, { books }, query) => Account.generation(books, query.get("id") ?? "")]
])
