/**
 * The script that keeps shared budgets in Redis: each change of one is one step.
 *
 * A budget has two keys. Its hash holds `spent`, `unknown` and `reserved`, and by name what is held for a lease (`l:`), what
 * counts for one that ran out (`x:`), and what counts for a call of unknown cost by its generation id (`u:`). Its sorted set
 * holds the leases by the instant at which they run out. All amounts are whole billionths of a dollar; time is Redis's own.
 *
 * @since 0.1.0
 */
import * as Redis from "effect/persistence/Redis"

/**
 * What the script gives: a number that says what came of it, the number of the budget that refused, and amounts as text.
 *
 * @since 0.1.0
 */
export type Answer = readonly [what: number, index: number, ...amounts: ReadonlyArray<string>]

/**
 * The script. The arguments are the operation, the lease, and what the operation takes.
 *
 * @since 0.1.0
 */
export const script = /* @__PURE__ */ Redis.script(
  (keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>) => [...keys, ...args],
  {
    numberOfKeys: (keys) => keys.length,
    lua: `
local time = redis.call("TIME")
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local what, lease = ARGV[1], ARGV[2]
local maxListed = 10000

local function text(amount) return string.format("%.0f", amount) end

local function get(key, field) return tonumber(redis.call("HGET", key, field) or "0") end

local function add(key, field, amount)
  if amount ~= 0 then redis.call("HINCRBY", key, field, text(amount)) end
end

-- What nobody renews any more counts as spent.
local function expire(key, leases)
  local over = redis.call("ZRANGEBYSCORE", leases, "-inf", now)
  for _, id in ipairs(over) do
    local held = get(key, "l:" .. id)
    redis.call("ZREM", leases, id)
    redis.call("HDEL", key, "l:" .. id)
    add(key, "reserved", -held)
    add(key, "spent", held)
    add(key, "unknown", held)
    -- Its process may only have been out of reach, and tell what the call cost.
    if get(key, "lapsed") < maxListed then
      redis.call("HSET", key, "x:" .. id, text(held))
      add(key, "lapsed", 1)
    end
  end
end

local function forget(key, leases, millis)
  if millis > 0 then
    redis.call("PEXPIRE", key, text(millis))
    redis.call("PEXPIRE", leases, text(millis))
  end
end

local function figures(key)
  return text(get(key, "spent")), text(get(key, "unknown")), text(get(key, "reserved"))
end

if what == "read" then
  expire(KEYS[1], KEYS[2])
  return {1, 0, figures(KEYS[1])}
end

if what == "correct" then
  local key, field = KEYS[1], "u:" .. ARGV[3]
  local counted = redis.call("HGET", key, field)
  if not counted then return {0, 0} end
  redis.call("HDEL", key, field)
  add(key, "listed", -1)
  add(key, "unknown", -tonumber(counted))
  add(key, "spent", tonumber(ARGV[4]) - tonumber(counted))
  return {1, 0}
end

if what == "renew" then
  local till = now + tonumber(ARGV[3])
  for at = 4, #ARGV do
    if redis.call("ZSCORE", KEYS[1], ARGV[at]) then redis.call("ZADD", KEYS[1], "XX", text(till), ARGV[at]) end
  end
  return {1, 0}
end

if what == "settle" then
  for i = 1, #KEYS / 2 do
    local key, leases = KEYS[2 * i - 1], KEYS[2 * i]
    local at = 3 + (i - 1) * 3
    local amount, isUnknown, generation = tonumber(ARGV[at]), ARGV[at + 1] == "1", ARGV[at + 2]
    local held, lapsed = redis.call("HGET", key, "l:" .. lease), redis.call("HGET", key, "x:" .. lease)
    -- One that is neither was settled before, or belongs to a period that is forgotten.
    if held or lapsed then
      if held then
        redis.call("HDEL", key, "l:" .. lease)
        redis.call("ZREM", leases, lease)
        add(key, "reserved", -tonumber(held))
      else
        redis.call("HDEL", key, "x:" .. lease)
        add(key, "lapsed", -1)
        add(key, "spent", -tonumber(lapsed))
        add(key, "unknown", -tonumber(lapsed))
      end
      add(key, "spent", amount)
      if isUnknown then
        add(key, "unknown", amount)
        if generation ~= "" and get(key, "listed") < maxListed then
          redis.call("HSET", key, "u:" .. generation, text(amount))
          add(key, "listed", 1)
        end
      end
    end
  end
  return {1, 0}
end

-- reserve: first look at all of them, then change them.
local till = now + tonumber(ARGV[3])
local amounts, spents = {}, {}
for i = 1, #KEYS / 2 do
  local key, leases = KEYS[2 * i - 1], KEYS[2 * i]
  local at = 4 + (i - 1) * 3
  local limit, amount = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  expire(key, leases)
  local spent, reserved = get(key, "spent"), get(key, "reserved")
  local left = limit - spent
  local room
  if amount == nil then
    if left <= 0 then room = "spent" elseif reserved > 0 then room = "full" else amount = left end
  elseif amount > 0 and amount > left - reserved then
    if amount > left then room = "spent" else room = "full" end
  end
  if room == "spent" then return {2, i - 1, figures(key)} end
  if room == "full" then return {3, i - 1, figures(key)} end
  amounts[i], spents[i] = amount, spent
end
local granted = {1, 0}
for i = 1, #KEYS / 2 do
  local key, leases = KEYS[2 * i - 1], KEYS[2 * i]
  redis.call("HSET", key, "l:" .. lease, text(amounts[i]))
  redis.call("ZADD", leases, text(till), lease)
  add(key, "reserved", amounts[i])
  forget(key, leases, tonumber(ARGV[4 + (i - 1) * 3 + 2]))
  granted[#granted + 1] = text(amounts[i])
end
for i = 1, #KEYS / 2 do granted[#granted + 1] = text(spents[i]) end
return granted
`
  }
).withReturnType<Answer>()
