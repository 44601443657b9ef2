/**
 * The gates that there are: in memory, which every client has unless it is given another one, and none.
 *
 * A gate is given to a client as a layer below it:
 *
 * ```ts
 * import { Layer } from "effect"
 * import { OpenRouter, RateGate } from "effect-openrouter"
 *
 * const client = OpenRouter.layerFetch.pipe(
 *   Layer.provide(RateGate.layer({ limits: [{ model: "*:free", requests: 20, window: "1 minute" }] }))
 * )
 * ```
 *
 * Clients that are given one gate share it, also where their keys differ: limits are kept by key.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Redis } from "effect/persistence/Redis"
import * as KnownLimit from "../domain/gate/KnownLimit.ts"
import { RateGate } from "../services/RateGate.ts"
import { MemoryGate } from "./gate/MemoryGate.ts"
import type { SharedLimits } from "./gate/SharedLimits.ts"
import * as RedisLimits from "./redis/RedisLimits.ts"

export { type Options as KnownLimit } from "../domain/gate/KnownLimit.ts"
export * from "../services/RateGate.ts"

/**
 * What a gate is made from.
 *
 * @since 0.1.0
 */
export interface Options {
  /** Limits that are known beforehand; those that are not are learned. A call passes all that match its model. */
  readonly limits?: ReadonlyArray<KnownLimit.Options> | undefined
}

/**
 * Makes a gate in memory. A limit that makes no sense is a defect, which names it, and so is an option that there is not.
 *
 * @since 0.1.0
 */
export const make = (options: Options = {}): RateGate["Service"] => ofShared(options, ["limits"], undefined)

/** A misspelt field would be a limit that is not kept. */
const ofShared = (
  options: Options,
  fields: ReadonlyArray<string>,
  shared: SharedLimits | undefined
): RateGate["Service"] => {
  const unknown = Object.keys(options).find((name) => !fields.includes(name))
  if (unknown !== undefined) throw new Error(`RateGate: there is no option ${unknown}, but ${fields.join(", ")}`)
  const limits = options.limits ?? []
  for (const [index, limit] of limits.entries()) {
    const problem = KnownLimit.problemOf(limit)
    if (problem !== undefined) throw new Error(`RateGate: limits[${index}] ${problem}`)
  }
  const gate = new MemoryGate(limits, shared)
  return RateGate.of({
    admission: gate,
    state: Effect.map(Clock.Clock, (clock) => gate.state(clock)),
    reset: (model) => Effect.flatMap(Clock.Clock, (clock) => gate.reset(model, clock))
  })
}

/**
 * A gate in memory.
 *
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<RateGate> => Layer.sync(RateGate, () => make(options))

/**
 * How processes share their gates.
 *
 * @since 0.1.0
 */
export interface RedisOptions extends Options {
  /** What the keys begin with. Default `effect-openrouter:`. */
  readonly prefix?: string | undefined
  /** How long an answer of Redis is waited for, before the process goes on alone. Default 250 milliseconds. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * A gate that all processes share which use the same Redis and the same key: what was announced to one of them holds for all,
 * and their requests are counted together. A window is shared evenly among those who want some of it. First come first
 * served, the pace where nothing is announced, and what is done about a model that is down are each process's own, and so
 * are limits that are known beforehand (`limits`).
 *
 * Where Redis is away, each goes on with its gate in memory and logs one line; once a second it asks whether Redis is back.
 * Give its client `disableOfflineQueue: true`, so that commands fail at once then. Without a Redis at the start the layer of
 * that client fails. Redis 5 or newer; what is kept there expires by itself.
 *
 * ```ts
 * import { NodeRedis } from "@effect/platform-node"
 * import { Layer } from "effect"
 * import { OpenRouter, RateGate } from "effect-openrouter"
 *
 * const client = OpenRouter.layerFetch.pipe(
 *   Layer.provide(RateGate.layerRedis()),
 *   Layer.provide(NodeRedis.layer({ url: "redis://127.0.0.1:6379", disableOfflineQueue: true }))
 * )
 * ```
 *
 * @since 0.1.0
 */
export const layerRedis = (options: RedisOptions = {}): Layer.Layer<RateGate, never, Redis> =>
  Layer.effect(RateGate, Effect.map(RedisLimits.make(options), (shared) => ofShared(options, redisFields, shared)))

const redisFields = ["limits", "prefix", "timeout"]

/**
 * No gate: every call is sent at once, and learns alone what the limits are.
 *
 * @since 0.1.0
 */
export const none: Layer.Layer<RateGate> = /* @__PURE__ */ Layer.succeed(RateGate, {
  admission: undefined,
  state: /* @__PURE__ */ Effect.succeed([]),
  reset: () => Effect.void
})
