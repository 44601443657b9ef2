/**
 * The vocabulary of the emulated server: what arrives, what is remembered, what is decided.
 *
 * @since 0.1.0
 */
import type * as BigDecimal from "effect/BigDecimal"
import type * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as AnswerCache from "./AnswerCache.ts"
import * as Fault from "./Fault.ts"
import * as Ledger from "./Ledger.ts"
import type { Job } from "./OfflineJob.ts"
import type { Config } from "./Options.ts"
import * as Outage from "./Outage.ts"
import type { JsonObject } from "./Prompt.ts"
import type * as Quota from "./Quota.ts"
import * as RateWindow from "./RateWindow.ts"
import * as Recent from "./Recent.ts"
import type * as Reply from "./Reply.ts"
import * as Rule from "./Rule.ts"
import * as Script from "./Script.ts"
import { toForm } from "./Streaming.ts"

/**
 * A request as a transport hands it over. `url` is path and query; `body` is `undefined` when it was too large to read.
 *
 * @since 0.1.0
 */
export interface Arrival {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string | undefined
}

/**
 * A request as tests see it. `headers` lack the credentials, `key` is a label (empty without a key), `path` is without
 * the query, and `body` is the parsed JSON, `undefined` when there was none.
 *
 * @since 0.1.0
 */
export interface ReceivedRequest {
  readonly at: DateTime.Utc
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly key: string
  readonly text: string
  readonly body: unknown
}

/**
 * What a transport has to do. Delays are in milliseconds.
 *
 * For the response cache: `whole` is the body of a stream of bytes that was not asked for as a stream, `again` plays a stream
 * of events under another generation id, `keepsAs` says where it is kept when it has come to its end, and `lost` is what
 * was answered and charged, although nobody gets it.
 *
 * @since 0.1.0
 */
export type Decision =
  | {
    readonly _tag: "Send"
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly contentType: string
    readonly body: string
    readonly delay: number
  }
  | {
    readonly _tag: "Stream"
    readonly id: string
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly contentType: string
    readonly script: Iterable<Script.Action>
    readonly delay: number
    readonly whole?: string
    readonly again?: (id: string) => Iterable<Script.Action>
    readonly keepsAs?: { readonly key: string; readonly timeToLive: number }
  }
  | { readonly _tag: "Hang"; readonly lost?: Decision }
  | { readonly _tag: "Disconnect"; readonly delay: number; readonly lost?: Decision }

/**
 * Everything the server remembers. It grows with the number of keys and models, and with what is handed in as
 * batches, not with the number of other requests. `credits`
 * are all that were ever bought, in USD. `ahead` is by how many milliseconds the server's clock was moved forward.
 *
 * @since 0.1.0
 */
export interface State {
  readonly books: Ledger.Books
  readonly requests: ReadonlyArray<ReceivedRequest>
  readonly rules: ReadonlyArray<Rule.CountedRule>
  readonly attempts: Recent.Recent<number>
  readonly quotas: ReadonlyArray<Quota.Quota>
  readonly windows: RateWindow.Windows
  readonly outages: ReadonlyArray<Outage.PlannedOutage>
  readonly credits: BigDecimal.BigDecimal
  readonly ahead: number
  readonly cache: AnswerCache.Cache
  readonly jobs: ReadonlyArray<Job>
}

/**
 * The state before the first request, at the given instant by the server's clock (milliseconds since the epoch).
 *
 * @since 0.1.0
 */
export const initial = (config: Config, now: number): State => ({
  books: Ledger.empty,
  requests: [],
  rules: config.rules.map(Rule.counted),
  attempts: Recent.make(10_000),
  quotas: config.quotas,
  windows: RateWindow.empty,
  outages: Outage.plan(config.outages, now),
  credits: config.credits,
  ahead: 0,
  cache: AnswerCache.empty,
  jobs: []
})

/**
 * One request on its way through the server. `path` is without the base path, `key` empty when there was none, `json`
 * undefined when the body was none, `now` in milliseconds since the epoch by the server's clock, and `latency` the time in
 * milliseconds that the model takes whose turn it is.
 *
 * @since 0.1.0
 */
export interface Context {
  readonly config: Config
  readonly arrival: Arrival
  readonly now: number
  readonly path: string
  readonly query: URLSearchParams
  readonly key: string
  readonly json: unknown
  readonly latency: number
}

/**
 * What is decided, and what is remembered afterwards.
 *
 * @since 0.1.0
 */
export type Step = readonly [decision: Decision, state: State]

/**
 * Sends a JSON document.
 *
 * @since 0.1.0
 */
export const send = (context: Context, body: JsonObject, delivery: Reply.Delivery, id?: string): Decision => {
  const head = {
    status: 200,
    headers: { ...idHeader(id), ...delivery.headers },
    contentType: "application/json",
    delay: delayOf(context, delivery)
  }
  const text = shape(JSON.stringify(body), delivery)
  const { drip } = delivery
  if (drip === undefined) return { _tag: "Send", ...head, body: text }
  return {
    _tag: "Stream",
    id: id ?? "",
    ...head,
    whole: text,
    script: Script.dripping(text, drip.bytes, Duration.toMillis(drip.every))
  }
}

/**
 * Sends a stream.
 *
 * @since 0.1.0
 */
export const stream = (
  context: Context,
  script: Iterable<Script.Action>,
  delivery: Reply.Delivery,
  id: string
): Decision => ({
  _tag: "Stream",
  id,
  status: 200,
  headers: { ...idHeader(id), "Cache-Control": "no-cache", ...delivery.headers },
  contentType: "text/event-stream",
  script,
  delay: delayOf(context, delivery)
})

/**
 * Sends an error at once: one of the server itself.
 *
 * @since 0.1.0
 */
export const sendFault = (context: Context, failure: Reply.Failure, id?: string): Decision =>
  fault(context, failure, id, Duration.toMillis(failure.delay ?? 0))

/**
 * Does what a rule or a built-in model wants instead of an answer. Latency applies, as it stands for a provider.
 *
 * @since 0.1.0
 */
export const interrupt = (
  context: Context,
  reply: Reply.Interruption,
  id?: string,
  asksForStream = false
): Decision => {
  switch (reply._tag) {
    case "Failure":
      return fault(context, reply, id, delayOf(context, reply))
    case "Raw": {
      const head = {
        status: reply.status ?? 200,
        headers: { ...idHeader(id), ...reply.headers },
        contentType: reply.contentType ?? "text/html; charset=utf-8",
        delay: delayOf(context, reply)
      }
      if (reply.stream === undefined || !asksForStream) return { _tag: "Send", ...head, body: shape(reply.body, reply) }
      const script = Script.ofText(reply.body, toForm(context.config.stream, reply.stream), reply)
      return { _tag: "Stream", id: id ?? "", ...head, script }
    }
    case "Hang":
      return { _tag: "Hang" }
    case "Disconnect":
      return { _tag: "Disconnect", delay: delayOf(context, reply) }
  }
}

/**
 * The time until a reply is sent, in milliseconds. Only generations take the emulator's latency.
 *
 * @since 0.1.0
 */
export const delayOf = ({ latency, path }: Context, { delay }: { readonly delay?: Duration.Input }): number =>
  (Rule.isAsking(path) ? latency : 0) + Duration.toMillis(delay ?? 0)

const fault = (context: Context, failure: Reply.Failure, id: string | undefined, delay: number): Decision => {
  const rendered = Fault.render(failure, context.now)
  return {
    _tag: "Send",
    status: rendered.status,
    headers: { ...idHeader(id), ...rendered.headers, ...failure.headers },
    contentType: "application/json",
    body: shape(JSON.stringify(rendered.body), failure),
    delay
  }
}

const idHeader = (id: string | undefined): Readonly<Record<string, string>> =>
  id === undefined ? {} : { "X-Generation-Id": id }

const shape = (body: string, { keep, padding }: Reply.Delivery): string => {
  const kept = keep === undefined || keep >= 1 ? body : body.slice(0, Math.floor(body.length * Math.max(0, keep)))
  return (padding ?? "") + kept
}
