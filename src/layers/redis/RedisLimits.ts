/**
 * Limits shared by processes through Redis, each change by one script.
 *
 * A limit is a hash: when its window begins (`start`), what was taken of it, and as far as is known its `limit` and `length`.
 * Time is Redis's own, so the processes' clocks do not matter. It is forgotten after ten quiet minutes.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redis from "effect/persistence/Redis"
import type { Shared, SharedLimits } from "../gate/SharedLimits.ts"

const script = /* @__PURE__ */ Redis.script(
  (keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>) => [...keys, ...args],
  {
    numberOfKeys: (keys) => keys.length,
    lua: `
local time = redis.call("TIME")
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local what = ARGV[1]
local quiet = 600000

if what == "open" then
  redis.call("DEL", KEYS[1])
  return {0, 0, 0}
end

if what == "close" then
  local key, start = KEYS[1], now + tonumber(ARGV[2])
  local limit, length = ARGV[3], ARGV[4]
  local known = tonumber(redis.call("HGET", key, "start") or "0")
  if limit == "" then
    if start > known then redis.call("HSET", key, "start", start, "taken", 0) end
  else
    -- All who were refused in one window announce the same reset, give or take their clocks.
    if math.abs(start - known) > 20 then redis.call("HSET", key, "start", start, "taken", 0) end
    redis.call("HSET", key, "limit", limit)
    if length ~= "" then redis.call("HSET", key, "length", length) end
  end
  redis.call("PEXPIRE", key, start - now + quiet)
  return {0, 0, 0}
end

local extra = tonumber(ARGV[2])
local counted = {}
for i, key in ipairs(KEYS) do
  local values = redis.call("HMGET", key, "start", "taken", "limit", "length")
  local start, taken = tonumber(values[1]), tonumber(values[2])
  local limit, length = tonumber(values[3]), tonumber(values[4])
  if start then
    if now < start then return {start - now, i, 1} end
    if length and now >= start + length then
      start = start + math.floor((now - start) / length) * length
      taken = 0
    end
    if limit and length and taken >= limit + extra then return {start + length - now, i, 0} end
    counted[#counted + 1] = {key, start, taken + 1}
  end
end
for _, one in ipairs(counted) do
  redis.call("HSET", one[1], "start", one[2], "taken", one[3])
  redis.call("PEXPIRE", one[1], quiet)
end
return {0, 0, 0}
`
  }
).withReturnType<readonly [waitMillis: number, index: number, isClosed: number]>()

/** Where Redis does not answer, it is left alone for a while. */
const awayMillis = 1000

const free: Shared = { waitMillis: 0, index: 0, isClosed: false }

/**
 * The limits of all processes that use the same Redis and prefix.
 *
 * @since 0.1.0
 */
export const make = (options: {
  /** Default `effect-openrouter:`. */
  readonly prefix?: string | undefined
  /** How long an answer of Redis is waited for. Default 250 milliseconds. */
  readonly timeout?: Duration.Input | undefined
}): Effect.Effect<SharedLimits, never, Redis.Redis> =>
  Effect.map(Redis.Redis, (redis) => {
    const { prefix = "effect-openrouter:", timeout = "250 millis" } = options
    const run = redis.eval(script)
    let awayUntil = 0
    let isAway = false
    const asked = (keys: ReadonlyArray<string>, ...args: ReadonlyArray<string | number>): Effect.Effect<Shared> =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        now < awayUntil ? Effect.succeed(free) : run(
          keys.map((key) => prefix + key),
          args
        ).pipe(
          Effect.timeout(timeout),
          Effect.map(([waitMillis, index, isClosed]): Shared => {
            awayUntil = 0
            isAway = false
            return { waitMillis, index: index - 1, isClosed: isClosed === 1 }
          }),
          Effect.catchCause((cause) =>
            Effect.suspend(() => {
              awayUntil = now + awayMillis
              const wasAway = isAway
              isAway = true
              return Effect.as(
                wasAway ? Effect.void : Effect.logWarning("the rate gate cannot reach Redis and goes on alone", cause),
                free
              )
            })
          )
        ))
    return {
      pass: (keys, extra) => asked(keys, "pass", extra),
      closed: (key, { limit, millis, windowMillis }) =>
        Effect.asVoid(asked([key], "close", Math.ceil(millis), limit ?? "", windowMillis ?? "")),
      opened: (key) => Effect.asVoid(asked([key], "open"))
    }
  })
