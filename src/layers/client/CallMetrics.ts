/**
 * The metrics of a client's calls, with names, units and buckets of OpenTelemetry's conventions for generative AI, and
 * names of our own (`openrouter.…`) for what they lack.
 *
 * The exporters of Effect take the unit of a metric from its attribute `unit`, so each has that. Series are made once and
 * kept, because a registry never frees one: they are by operation, models and outcome, never by user or generation, and
 * models beyond a limit are one, `_OTHER`.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as Usd from "../../domain/money/Usd.ts"
import type * as Costs from "../../domain/outcome/Costs.ts"

/**
 * Which series a call belongs to.
 *
 * @since 0.1.0
 */
export interface Kind {
  /** `respond`, `stream`, or the name of a plain endpoint. */
  readonly call: string
  /** By the conventions: `chat`, `embeddings`; absent for what is no operation of a model. */
  readonly operation: string | undefined
  readonly model: string | undefined
}

/** So many models (pairs of the one asked for and the one that answered) have series of their own. */
const maxKinds = 200

const other = "_OTHER"

/** By the conventions. */
const tokenBoundaries = [
  1,
  4,
  16,
  64,
  256,
  1024,
  4096,
  16_384,
  65_536,
  262_144,
  1_048_576,
  4_194_304,
  16_777_216,
  67_108_864
]

/** By the conventions, in seconds. */
const secondBoundaries = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]

type Attributes = { readonly [name: string]: string }

const seconds = (name: string, description: string, attributes: Attributes): Metric.Histogram<number> =>
  Metric.histogram(name, { description, boundaries: secondBoundaries, attributes: { ...attributes, unit: "s" } })

const count = (name: string, unit: string, description: string, attributes: Attributes): Metric.Counter<number> =>
  Metric.counter(name, { description, incremental: true, attributes: { ...attributes, unit } })

/** What is made when it is first needed, by name. */
class Made<A> {
  readonly #all = new Map<string, A>()
  readonly #make: (name: string) => A

  constructor(make: (name: string) => A) {
    this.#make = make
  }

  find(name: string): A | undefined {
    return this.#all.get(name)
  }

  of(name: string): A {
    let made = this.#all.get(name)
    if (made === undefined) {
      made = this.#make(name)
      this.#all.set(name, made)
    }
    return made
  }
}

/**
 * The series of the calls of one kind.
 *
 * @since 0.1.0
 */
export class Series {
  readonly #calls: Made<Metric.Counter<number>>
  readonly #attempts: Made<Metric.Counter<number>>
  readonly #durations: Made<Metric.Histogram<number>>
  readonly #tokens: Made<Metric.Histogram<number>>
  readonly #waits: Made<Metric.Histogram<number>>
  readonly #costs: Made<Metric.Counter<number>>
  readonly #firstChunk: Made<Metric.Histogram<number>>

  /** `conventional`: what the conventions know of a call. `own`: with the name of the call. */
  constructor(conventional: Attributes, own: Attributes) {
    this.#calls = new Made((outcome) =>
      count("openrouter.client.calls", "{call}", "Calls by how they ended, retries included", {
        ...own,
        "openrouter.outcome": outcome
      })
    )
    this.#attempts = new Made((errorType) =>
      count("openrouter.client.attempts", "{attempt}", "Requests that were sent, by how they ended", {
        ...own,
        ...errorOf(errorType)
      })
    )
    this.#durations = new Made((errorType) =>
      seconds("gen_ai.client.operation.duration", "Duration of calls, retries and waits included", {
        ...conventional,
        ...errorOf(errorType)
      })
    )
    this.#tokens = new Made((type) =>
      Metric.histogram("gen_ai.client.token.usage", {
        description: "Tokens of a call, by type",
        boundaries: tokenBoundaries,
        attributes: { ...conventional, "gen_ai.token.type": type, unit: "{token}" }
      })
    )
    this.#firstChunk = new Made(() =>
      seconds(
        "gen_ai.client.operation.time_to_first_chunk",
        "Time from the sending of a request to the first piece of its streamed answer",
        conventional
      )
    )
    this.#costs = new Made((unknown) =>
      unknown === ""
        ? count("openrouter.client.cost", "{USD}", "What OpenRouter charged, as far as it is known", conventional)
        : count("openrouter.client.cost.unknown", "{attempt}", "Requests whose cost is not known", conventional)
    )
    this.#waits = new Made((reason) =>
      seconds("openrouter.client.wait.duration", "How long calls waited before they were sent, by reason", {
        ...own,
        "openrouter.wait.reason": reason
      })
    )
  }

  /** A call has ended; the empty text is the type of no error. */
  ended(outcome: string, context: Context.Context<never>): void {
    this.#calls.of(outcome).updateUnsafe(1, context)
  }

  lasted(seconds: number, errorType: string, context: Context.Context<never>): void {
    this.#durations.of(errorType).updateUnsafe(seconds, context)
  }

  used({ inputTokens, outputTokens }: Costs.Costs, context: Context.Context<never>): void {
    if (inputTokens > 0) this.#tokens.of("input").updateUnsafe(inputTokens, context)
    if (outputTokens > 0) this.#tokens.of("output").updateUnsafe(outputTokens, context)
  }

  cost({ cost, unknown }: Costs.Costs, context: Context.Context<never>): void {
    if (!Usd.isZero(cost)) this.#costs.of("").updateUnsafe(Usd.toNumber(cost), context)
    if (unknown > 0) this.#costs.of("unknown").updateUnsafe(unknown, context)
  }

  attempted(errorType: string, context: Context.Context<never>): void {
    this.#attempts.of(errorType).updateUnsafe(1, context)
  }

  began(seconds: number, context: Context.Context<never>): void {
    this.#firstChunk.of("").updateUnsafe(seconds, context)
  }

  waited(seconds: number, reason: string, context: Context.Context<never>): void {
    this.#waits.of(reason).updateUnsafe(seconds, context)
  }
}

const errorOf = (errorType: string): Attributes => errorType === "" ? {} : { "error.type": errorType }

/**
 * The metrics of a client.
 *
 * @since 0.1.0
 */
export class CallMetrics {
  /** By the call, the model that was asked for, and the one that answered: a key of all three would be made for each call. */
  readonly #series = new Made(() => new Made(() => new Map<string, Series>()))
  readonly #others = new Map<string, Series>()
  #size = 0

  /** The series of calls of a kind that this model answered, as far as one did. */
  of(kind: Kind, answered = ""): Series {
    const { call, model = "" } = kind
    const known = this.#series.find(call)?.find(model)?.get(answered)
    if (known !== undefined) return known
    if (this.#size >= maxKinds) return this.#ofOthers(kind)
    const series = seriesOf(kind, kind.model, answered === "" ? undefined : answered)
    this.#series.of(call).of(model).set(answered, series)
    this.#size++
    return series
  }

  #ofOthers({ call, operation }: Kind): Series {
    // Who names operations of their own may name many.
    const known = operation === "chat" || operation === "embeddings"
    const key = known ? call : other
    let series = this.#others.get(key)
    if (series === undefined) {
      series = seriesOf(
        known ? { call, operation, model: other } : { call: other, operation: undefined, model: other },
        other,
        undefined
      )
      this.#others.set(key, series)
    }
    return series
  }
}

const seriesOf = ({ call, operation }: Kind, model: string | undefined, answered: string | undefined): Series => {
  const conventional: Attributes = {
    "gen_ai.provider.name": "openrouter",
    ...operation === undefined ? {} : { "gen_ai.operation.name": operation },
    ...model === undefined ? {} : { "gen_ai.request.model": model },
    ...answered === undefined ? {} : { "gen_ai.response.model": answered }
  }
  return new Series(conventional, { ...conventional, "openrouter.call": call })
}
