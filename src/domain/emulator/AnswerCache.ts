/**
 * OpenRouter's response cache, for requests that ask for it: `X-OpenRouter-Cache: true`, with `X-OpenRouter-Cache-TTL` (seconds
 * from 1 to 86,400, default 300) and `X-OpenRouter-Cache-Clear: true`, which forgets the answer first.
 *
 * The key is the API key, the endpoint and the bytes of the body, in which model and `stream` are. What is kept is every 200
 * of a call without a stream, also where the caller has gone or the connection broke, and every stream that was read to its
 * end. A hit is free, passes no limit, has a generation id of its own, and says zero for all usage. The newest 1,000 answers
 * are kept.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Draw from "./Draw.ts"
import type { Context, Decision } from "./Exchange.ts"
import * as Recent from "./Recent.ts"
import type { Action } from "./Script.ts"

/** How an answer is given again, under another generation id. */
type Again =
  | { readonly _tag: "Whole"; readonly body: string; readonly contentType: string }
  | { readonly _tag: "Events"; readonly script: (id: string) => Iterable<Action> }

/**
 * An answer that is kept. Instants and spans are in milliseconds.
 *
 * @since 0.1.0
 */
export interface Kept {
  readonly again: Again
  readonly sourceId: string
  /** From when on it is there: when the answer is complete. */
  readonly from: number
  readonly timeToLive: number
}

/**
 * The answers that are kept.
 *
 * @since 0.1.0
 */
export type Cache = Recent.Recent<Kept | undefined>

/**
 * No answers yet.
 *
 * @since 0.1.0
 */
export const empty: Cache = Recent.make(1000)

/**
 * What a request wants of the cache; `undefined` if it wants nothing.
 *
 * @since 0.1.0
 */
export interface Wish {
  readonly key: string
  readonly timeToLive: number
  readonly clears: boolean
}

/**
 * Reads what a request wants of the cache.
 *
 * @since 0.1.0
 */
export const wishOf = ({ arrival, key, path }: Context): Wish | undefined => {
  const says = (name: string) => arrival.headers[name]?.trim().toLowerCase()
  if (says("x-openrouter-cache") !== "true") return undefined
  const seconds = Number(says("x-openrouter-cache-ttl") ?? 300)
  return {
    key: Draw.toKey(Draw.make(0, JSON.stringify([key, path, arrival.body]))),
    timeToLive: 1000 * (Number.isFinite(seconds) ? Math.min(86_400, Math.max(1, Math.floor(seconds))) : 300),
    clears: says("x-openrouter-cache-clear") === "true"
  }
}

/**
 * The answer that is kept for a request, or `undefined`.
 *
 * @since 0.1.0
 */
export const find = (cache: Cache, { clears, key }: Wish, now: number): Kept | undefined => {
  const kept = clears ? undefined : Recent.get(cache, key)
  return kept !== undefined && kept.from <= now && now < kept.from + kept.timeToLive ? kept : undefined
}

/**
 * Gives an answer again.
 *
 * @since 0.1.0
 */
export const hit = (kept: Kept, wish: Wish, now: number): Decision => {
  const draw = Draw.make(0, `${wish.key} ${now} ${kept.sourceId}`)
  const id = `gen-${Math.floor(now / 1000)}-${Draw.identifier(draw, 20)}`
  const head = {
    status: 200,
    headers: {
      "X-Generation-Id": id,
      "X-OpenRouter-Cache-Status": "HIT",
      "X-OpenRouter-Cache-Age": String(Math.floor((now - kept.from) / 1000)),
      "X-OpenRouter-Cache-TTL": String(kept.timeToLive / 1000),
      "X-OpenRouter-Cache-Source-Id": kept.sourceId
    },
    delay: 0
  }
  const { again } = kept
  return again._tag === "Whole"
    ? { _tag: "Send", ...head, contentType: again.contentType, body: freeText(again.body, id) }
    : { _tag: "Stream", ...head, id, contentType: "text/event-stream", script: again.script(id) }
}

/**
 * Takes note of an answer that is given to a request which wants it kept, and tells it that it was none of these.
 *
 * A stream is kept when it has come to its end, see {@link complete}.
 *
 * @since 0.1.0
 */
export const miss = (
  cache: Cache,
  wish: Wish,
  decision: Decision,
  now: number
): readonly [decision: Decision, cache: Cache] => {
  const before = wish.clears ? Recent.set(cache, wish.key, undefined) : cache
  const { timeToLive } = wish
  switch (decision._tag) {
    case "Send": {
      if (decision.status !== 200) return [decision, before]
      const { body, contentType } = decision
      const sourceId = decision.headers["X-Generation-Id"] ?? ""
      const kept: Kept = {
        again: { _tag: "Whole", body, contentType },
        sourceId,
        from: now + decision.delay,
        timeToLive
      }
      return [told(decision, timeToLive), Recent.set(before, wish.key, kept)]
    }
    case "Stream": {
      if (decision.status !== 200) return [decision, before]
      const { whole } = decision
      const marked = { ...decision, ...(decision.again !== undefined && { keepsAs: { key: wish.key, timeToLive } }) }
      if (whole === undefined) return [told(marked, timeToLive), before]
      const again: Again = { _tag: "Whole", body: whole, contentType: decision.contentType }
      const kept: Kept = { again, sourceId: decision.id, from: now + decision.delay, timeToLive }
      return [told(decision, timeToLive), Recent.set(before, wish.key, kept)]
    }
    case "Hang":
    case "Disconnect": {
      const { lost } = decision
      if (lost === undefined || lost._tag !== "Send") return [decision, before]
      return [decision, miss(before, wish, lost, now)[1]]
    }
  }
}

/**
 * Keeps a stream that has come to its end.
 *
 * @since 0.1.0
 */
export const complete = (
  cache: Cache,
  { again, id, keepsAs }: Extract<Decision, { readonly _tag: "Stream" }>,
  now: number
): Cache =>
  again === undefined || keepsAs === undefined ? cache : Recent.set(cache, keepsAs.key, {
    again: { _tag: "Events", script: again },
    sourceId: id,
    from: now,
    timeToLive: keepsAs.timeToLive
  })

const told = <D extends { readonly headers: Readonly<Record<string, string>> }>(
  decision: D,
  timeToLive: number
): D => ({
  ...decision,
  headers: {
    ...decision.headers,
    "X-OpenRouter-Cache-Status": "MISS",
    "X-OpenRouter-Cache-TTL": String(timeToLive / 1000)
  }
})

/** A body with another generation id and without usage; what is no such body stays as it is. */
const freeText = (text: string, id: string): string => {
  try {
    const json: unknown = JSON.parse(text)
    return Predicate.isObject(json) && Predicate.isObject(json["usage"]) ? JSON.stringify(free({ ...json }, id)) : text
  } catch {
    return text
  }
}

/**
 * A response with another id, and zero for all usage.
 *
 * @since 0.1.0
 */
export const free = (body: { readonly [key: string]: unknown }, id: string): { readonly [key: string]: unknown } => ({
  ...body,
  ...("id" in body && { id }),
  usage: zeroed(body["usage"])
})

const zeroed = (usage: unknown): unknown =>
  typeof usage === "number"
    ? 0
    : Predicate.isObject(usage)
    ? Object.fromEntries(Object.entries(usage).map(([key, value]) => [key, zeroed(value)]))
    : usage
