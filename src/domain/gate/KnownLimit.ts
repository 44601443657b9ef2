/**
 * A limit that the user knows beforehand: requests or tokens per window, and calls in flight, for models by pattern.
 *
 * All models that match a pattern share its limit. A window slides: in no stretch of its length are more than so many
 * requests sent, whatever the phase of the server's own window. Told the time, it knows no clock.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/**
 * What is known about a limit. At least one of `requests`, `tokens` and `concurrency` is given.
 *
 * @since 0.1.0
 */
export interface Options {
  /**
   * A model, with `*` for any text: `*:free`, `anthropic/*`. Default `*`: all models together. Of a request with fallbacks one
   * that matches is enough.
   */
  readonly model?: string | undefined
  /** Requests per window. */
  readonly requests?: number | undefined
  /**
   * Tokens per window, in and out together. A request is counted with an estimate (one token for two bytes of the request,
   * and `maxOutputTokens` or 4,096) until its usage is known. One that exceeds the limit goes alone.
   */
  readonly tokens?: number | undefined
  /** Default one minute. */
  readonly window?: Duration.Input | undefined
  /** Calls in flight at a time. */
  readonly concurrency?: number | undefined
}

const fields: ReadonlySet<string> = new Set(["model", "requests", "tokens", "window", "concurrency"])

/**
 * What is wrong with the options, or `undefined`.
 *
 * @since 0.1.0
 */
export const problemOf = (options: Options): string | undefined => {
  const unknown = Object.keys(options).find((name) => !fields.has(name))
  if (unknown !== undefined) return `has no field ${unknown}, but ${[...fields].join(", ")}`
  const { concurrency, requests, tokens, window } = options
  if (requests === undefined && tokens === undefined && concurrency === undefined) {
    return "says nothing; give requests, tokens or concurrency"
  }
  for (const [name, value] of Object.entries({ requests, tokens, concurrency })) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
      return `${name} is ${value}; it is a whole number above 0`
    }
  }
  const millis = window === undefined ? 1 : Option.match(Duration.fromInput(window), {
    onNone: () => 0,
    onSome: Duration.toMillis
  })
  return millis > 0 && millis < Infinity ? undefined : "window is no finite duration above 0, such as \"1 minute\""
}

const pattern = (model: string): RegExp =>
  new RegExp(`^${model.split("*").map((text) => text.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&")).join(".*")}$`)

interface Sent {
  readonly at: number
  weight: number
}

/** Weights sent within a window that slides. */
class Sliding {
  readonly #limit: number
  readonly #length: number
  #sent: Array<Sent> = []
  #first = 0
  #sum = 0

  constructor(limit: number, length: number) {
    this.#limit = limit
    this.#length = length
  }

  #expire(now: number): void {
    for (let sent = this.#sent[this.#first]; sent !== undefined && sent.at + this.#length <= now;) {
      this.#sum -= sent.weight
      sent = this.#sent[++this.#first]
    }
    if (this.#first > 64 && this.#first * 2 > this.#sent.length) {
      this.#sent = this.#sent.slice(this.#first)
      this.#first = 0
    }
  }

  readyAt(weight: number): number {
    let sum = this.#sum
    // What exceeds the limit by itself goes when nothing else is in the window.
    const most = Math.max(0, this.#limit - weight)
    let at = 0
    for (let index = this.#first; sum > most && index < this.#sent.length; index++) {
      const sent = this.#sent[index]
      if (sent === undefined) break
      sum -= sent.weight
      at = sent.at + this.#length
    }
    return at
  }

  take(now: number, weight: number): Sent {
    this.#expire(now)
    const sent = { at: now, weight }
    this.#sent.push(sent)
    this.#sum += weight
    return sent
  }

  correct(sent: Sent, weight: number, now: number): void {
    this.#expire(now)
    if (sent.at + this.#length > now) this.#sum += weight - sent.weight
    sent.weight = weight
  }
}

/**
 * What one request holds of a limit.
 *
 * @since 0.1.0
 */
export interface Place {
  readonly request: Sent | undefined
  readonly tokens: Sent | undefined
}

/**
 * A known limit and what is used of it.
 *
 * @since 0.1.0
 */
export class KnownLimit {
  readonly model: string
  /** Requests per window, if these are limited. */
  readonly requests: number | undefined
  readonly window: Duration.Duration
  /** True where requests are to be weighed by their tokens. */
  readonly countsTokens: boolean
  readonly #pattern: RegExp
  readonly #requests: Sliding | undefined
  readonly #tokens: Sliding | undefined
  readonly #concurrency: number
  #inFlight = 0

  constructor(options: Options) {
    const { concurrency, model = "*", requests, tokens, window = "1 minute" } = options
    this.window = Duration.fromInputUnsafe(window)
    const length = Duration.toMillis(this.window)
    this.model = model
    this.requests = requests
    this.countsTokens = tokens !== undefined
    this.#pattern = pattern(model)
    this.#requests = requests === undefined ? undefined : new Sliding(requests, length)
    this.#tokens = tokens === undefined ? undefined : new Sliding(tokens, length)
    this.#concurrency = concurrency ?? Infinity
  }

  /** `model` may be several, joined by commas: a request with fallbacks may be served by any of them. */
  matches(model: string): boolean {
    return model.split(",").some((one) => this.#pattern.test(one))
  }

  /** When a request of so many tokens may go; `Infinity` if not before another one has ended. */
  readyAt(tokens: number): number {
    if (this.#inFlight >= this.#concurrency) return Infinity
    return Math.max(this.#requests?.readyAt(1) ?? 0, this.#tokens?.readyAt(tokens) ?? 0)
  }

  take(now: number, tokens: number): Place {
    this.#inFlight++
    return { request: this.#requests?.take(now, 1), tokens: this.#tokens?.take(now, tokens) }
  }

  /** The request has ended. `tokens` is what it really used; absent where that is not known. */
  ended(place: Place, now: number, tokens: number | undefined): void {
    this.#inFlight--
    if (tokens !== undefined && place.tokens !== undefined) this.#tokens?.correct(place.tokens, tokens, now)
  }

  /** The request was not sent. */
  giveBack(place: Place, now: number): void {
    this.ended(place, now, 0)
    if (place.request !== undefined) this.#requests?.correct(place.request, 0, now)
  }

  get inFlight(): number {
    return this.#inFlight
  }
}
