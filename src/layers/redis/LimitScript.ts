/**
 * The script by which processes share limits: Redis runs it as one step, by its own clock.
 *
 * A limit is a hash, and forgotten after ten quiet minutes. It mirrors what `AnnouncedWindow` does in one process:
 *
 * | field | what |
 * |---|---|
 * | `closed`, `tried` | until when it is closed without a window, and when somebody tried last |
 * | `limit`, `length`, `start`, `taken` | the announced window, when the one that is counted begins, and what was sent in it |
 * | `reset`, `offset`, `least` | the last announced reset, by how much the clock of who told it was ahead, and the longest time from a request to its reset |
 * | `extra`, `last`, `raise`, `every`, `raiseAt` | what goes beyond the limit, to learn its length or that it was raised |
 * | `wants:<process>`, `took:<process>`, `among` | when this window kept it, what it has of it, and how many share it |
 *
 * A window is shared evenly among the processes that came in the one before; what is left at half time is for anyone. Without
 * that the process which is nearest to Redis would take all.
 *
 * | call | further arguments | answer |
 * |---|---|---|
 * | `pass` | `1` for one that tries; per key limit, length and start, or nothing | now, hold until, its index, 1 if closed; per key start, limit, length, extra, taken |
 * | `close` | the instant, the clock's offset, the limit or nothing, when the request was let through | now |
 * | `open`, `forget`, `ping` | | now |
 * | `give` | per key the start under which it was counted, or nothing | now |
 *
 * All instants are Redis's, in whole milliseconds; in an answer 0 and -1 are nothing.
 *
 * @since 0.1.0
 */
import * as Redis from "effect/persistence/Redis"

const lua = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local what, process = ARGV[1], ARGV[2]
local wants, took = "wants:" .. process, "took:" .. process
local quiet, tryEvery, stepEvery = 600000, 55000, 250
local raiseEvery, mostRaiseEvery = 30000, 3600000
local fields = {
  "closed", "tried", "start", "taken", "limit", "length", "reset", "offset", "extra", "last", "raise", "every", "raiseAt", "among",
  "least"
}

local function read(key)
  local values, state = redis.call("HMGET", key, unpack(fields)), {}
  for i, field in ipairs(fields) do state[field] = tonumber(values[i]) end
  return state
end

local function opens(state)
  return math.max(state.closed or 0, state.start or 0)
end

local function write(key, state)
  local values = {}
  for _, field in ipairs(fields) do
    if state[field] then
      values[#values + 1] = field
      values[#values + 1] = string.format("%.0f", state[field])
    end
  end
  if #values == 0 then return end
  if not state.length then redis.call("HDEL", key, "length") end
  redis.call("HSET", key, unpack(values))
  redis.call("PEXPIRE", key, string.format("%.0f", math.max(opens(state) - now, 0) + quiet))
end

-- Where processes place one instant so near to each other, they mean the same.
local function near(length)
  return length and math.min(1000, length / 4) or 250
end

local function announce(state, limit)
  state.limit, state.extra, state.last = limit, 0, now
  state.raise, state.every, state.raiseAt = 1, raiseEvery, now + raiseEvery
end

-- Counts anew, and who had or wanted something of the window that is over.
local function begin(key, state, start)
  local values, seen, among = redis.call("HGETALL", key), {}, 0
  local since = math.max(state.start, start - 2 * (state.length or 1000))
  for i = 1, #values, 2 do
    local field, who = values[i], string.match(values[i], "^%a+:(.+)$")
    if who then
      local isOfLast = string.sub(field, 1, 5) == "took:" and state.last >= since or tonumber(values[i + 1]) >= since
      if isOfLast and not seen[who] then
        seen[who] = true
        among = among + 1
      end
      redis.call("HDEL", key, field)
    end
  end
  state.start, state.taken, state.among = start, 0, among
end

-- Goes on to the window of now.
local function roll(key, state)
  local length = state.length
  if not length then
    -- After so much silence a window of unknown length is over, most likely.
    if state.taken > 0 and now >= math.max(state.start, state.last) + math.max(state.least or 0, 1000) then begin(key, state, now) end
    return
  end
  if now < state.start + length then return end
  -- More than the limit went through, and a refusal had time to come: it was raised.
  if state.taken > state.limit and state.last + stepEvery <= state.start + length then
    state.limit, state.raise, state.raiseAt = state.taken, state.raise * 2, now
  end
  begin(key, state, state.start + math.floor((now - state.start) / length) * length)
  state.extra = now >= state.raiseAt and state.raise or 0
end

-- Until when the window keeps a request; nothing if it may go.
local function usedUp(key, state)
  roll(key, state)
  if state.taken < state.limit + state.extra then
    local half = state.length and state.start + math.floor(state.length / 2) or 0
    if now >= half or (state.among or 0) < 2 then return end
    if tonumber(redis.call("HGET", key, took) or 0) < math.ceil(state.limit / state.among) then return end
    return half
  end
  if state.length then return state.start + state.length end
  -- One beyond a window of unknown length tells the length; then twice as many each time, as long as none is refused.
  if state.extra > 0 and now < state.last + stepEvery then return state.last + stepEvery end
  state.extra = math.max(1, state.extra * 2)
end

-- Two resets that are less than twice as far apart as any request was from its own are one window apart; others teach nothing.
local function learnLength(state, reset, offset, taken)
  local last, before, left = state.reset, state.offset, reset - taken
  local least = state.least or 0
  -- One of the same burst.
  if not last or taken < last - near(state.length) then
    if not last or reset > last + near(state.length) then state.reset, state.offset = reset, offset end
    state.least = math.max(least, left)
    return
  end
  local length, apart = state.length, reset - last
  -- By the processes' clocks if these agree: what was announced came to both of them unchanged.
  if math.abs(offset - before) < 100 then apart = apart + offset - before end
  if apart <= near(length) then return end
  state.reset, state.offset = reset, offset
  -- A window that is shorter than any can be is of another kind.
  state.least = apart < least * 0.98 and left or math.max(least, left)
  local windows = length and apart / length or 0
  local fits = windows >= 0.98 and left <= length * 1.02 and math.abs(windows - math.floor(windows + 0.5)) <= 0.02
  if not fits then state.length = apart < 2 * state.least and apart or nil end
end

-- One value for all: of those that are near the latest, because to begin late costs nothing, and early a refusal.
local function placeWindow(key, state, reset)
  local start, length = state.start, state.length
  if start then
    local steps = length and math.floor((reset - start) / length + 0.5) or 0
    local same = start + steps * (length or 0)
    if math.abs(reset - same) <= near(length) then
      -- A refusal that comes late tells of a window that is over.
      if steps < 0 then return end
      if steps > 0 then begin(key, state, math.max(same, reset))
      else state.start = math.max(same, reset) end
      return
    end
    begin(key, state, reset)
  else
    state.start, state.taken = reset, 0
  end
end

if what == "pass" then
  local tries, states, isKnown = ARGV[3] == "1", {}, false
  local hold, index, isClosed = 0, 0, 0
  for i, key in ipairs(KEYS) do
    local state = read(key)
    local limit, length, start = tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2]), tonumber(ARGV[3 * i + 3])
    states[i] = state
    -- Forgotten here, but not by this process. What closes it may have been opened by another one.
    if limit and start and start <= now and not state.limit then
      announce(state, limit)
      state.length, state.start, state.taken = length, start, 0
    end
    if state.limit then isKnown = true end
    local kept, by = nil, 0
    if now < opens(state) then
      if tries and now - (state.tried or now) >= tryEvery then state.tried = now
      else kept, by = opens(state), 1 end
    elseif state.limit then
      kept = usedUp(key, state)
      if kept then
        -- Used up for long it is tried, too; that counts from when somebody was kept first.
        if (state.tried or 0) < state.start then state.tried = now end
        if tries and now - state.tried >= tryEvery then state.tried, kept = now, nil
        else
          write(key, state)
          redis.call("HSET", key, wants, now)
        end
      end
    end
    if kept and kept > hold then hold, index, isClosed = kept, i, by end
  end
  if hold == 0 then
    for i, key in ipairs(KEYS) do
      local state = states[i]
      local isCounted = state.limit and now >= state.start
      if isCounted then state.taken, state.last = state.taken + 1, now end
      write(key, state)
      if isCounted then redis.call("HINCRBY", key, took, 1) end
    end
  end
  local answer = {now, hold, index, isClosed}
  if not isKnown then return answer end
  for _, state in ipairs(states) do
    for _, field in ipairs({"start", "limit", "length", "extra", "taken"}) do
      answer[#answer + 1] = state.limit and state[field] or -1
    end
  end
  return answer
end

if what == "close" then
  local state, instant, limit = read(KEYS[1]), tonumber(ARGV[3]), tonumber(ARGV[5])
  if instant <= now then return {now} end
  if now >= opens(state) then state.tried = now end
  if limit then
    if state.limit ~= limit then announce(state, limit)
    elseif now >= state.start and state.taken > limit then
      state.extra, state.raise, state.raiseAt = 0, 1, now + state.every
      state.every = math.min(mostRaiseEvery, state.every * 2)
    end
    learnLength(state, instant, tonumber(ARGV[4]), tonumber(ARGV[6]))
    placeWindow(KEYS[1], state, instant)
  else
    state.closed = math.max(state.closed or 0, instant)
  end
  write(KEYS[1], state)
end

-- A Redis that is only a copy answers, and cannot be used.
if what == "ping" then redis.call("SET", KEYS[1], now, "PX", 1000) end

if what == "forget" then redis.call("DEL", unpack(KEYS)) end

if what == "open" then
  local state = read(KEYS[1])
  -- Beyond what may go went only who tried.
  local isTried = state.limit and state.taken > state.limit + state.extra
  if now < opens(state) or isTried then redis.call("DEL", KEYS[1]) end
end

if what == "give" then
  for i, key in ipairs(KEYS) do
    local state, start = read(key), tonumber(ARGV[i + 2])
    if start and state.start and state.taken > 0 and math.abs(state.start - start) <= near(state.length) then
      redis.call("HINCRBY", key, "taken", -1)
      if redis.call("HEXISTS", key, took) == 1 then redis.call("HINCRBY", key, took, -1) end
    end
  end
end

return {now}
`

/**
 * The script; its answer is a list of whole numbers.
 *
 * @since 0.1.0
 */
export const script: Redis.Script<{
  readonly params: readonly [keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>]
  readonly result: ReadonlyArray<number>
}> = /* @__PURE__ */ Redis.script(
  (keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>) => [...keys, ...args],
  { numberOfKeys: (keys) => keys.length, lua }
).withReturnType<ReadonlyArray<number>>()
