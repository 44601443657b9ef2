/** What herds meet, and the bars that the client has to keep. All durations are in milliseconds. */
import { Emulator } from "effect-openrouter/testing"
import * as Draw from "../../src/domain/emulator/Draw.ts"

/** What is allowed at most; a call that gives up never is. Shares are of the calls. */
export interface Bars {
  /** Answers of 429. */
  readonly refused?: { readonly fixed?: number; readonly share: number }
  /** Answers of 429 after the first window. */
  readonly refusedLater?: { readonly share: number }
  /** From the first call to the last answer: so many times the ideal, or so much more. The ideal is without refusals, or without a gate where they come by dice. */
  readonly wall?: { readonly times: number } | { readonly more: number }
  /** Requests that meet an outage. */
  readonly met?: number
}

/** Calls that share a limit, or have none. */
export interface Herd {
  readonly name: string
  /** The calls take turns over these. */
  readonly models: ReadonlyArray<string>
  readonly calls: number
  readonly latency: number
  /** How long after the others it comes. */
  readonly startsAfter?: number
  readonly limit?: Emulator.Limit & { readonly requests: number; readonly window: number; readonly phase: number }
  readonly bars: Bars
}

/** Herds at one server. */
export interface Scenario {
  readonly name: string
  readonly herds: ReadonlyArray<Herd>
  /** For how long the server's provider is down from the start. */
  readonly outage?: Emulator.Outage & { readonly to: number }
  /** How far the server's clock is ahead: whole windows, so that its phase is the same. */
  readonly clockOffset?: number
  /** The share of the requests that are refused at random, whatever the client does. */
  readonly dice?: number
  /** Whether it is also run over sockets, in real time. */
  readonly overSockets: boolean
}

const requestsPerSecond = 20

/** Windows begin in the middle of a second, so that a herd which starts with the second finds one half over. */
const phase = 500

const announcements = [
  { hint: "headers", says: "in the header" },
  { hint: "body", says: "in the body only" },
  { hint: "none", says: "none" }
] as const

const barsOf = (hint: Emulator.RateLimitHint, latency: number): Bars =>
  hint === "none"
    ? { refused: { fixed: 40, share: 0.03 }, wall: { times: latency <= 300 ? 1.5 : 2.5 } }
    : { refused: { share: 0.1 }, refusedLater: { share: 0.01 }, wall: { times: latency <= 300 ? 1.05 : 1.25 } }

const limited: ReadonlyArray<Scenario> = [300, 2000].flatMap((calls) =>
  [300, 3000].flatMap((latency) =>
    announcements.map(({ hint, says }): Scenario => ({
      name: `${calls} calls, ${latency / 1000} s, reset ${says}`,
      herds: [{
        name: "",
        models: ["vendor/large"],
        calls,
        latency,
        limit: { name: "limit", over: "model", requests: requestsPerSecond, window: 1000, phase, hint },
        bars: barsOf(hint, latency)
      }],
      overSockets: calls === 300
    }))
  )
)

const unlimited: ReadonlyArray<Scenario> = [3000, 30_000].map((latency) => ({
  name: `2000 calls, ${latency / 1000} s, no limit`,
  herds: [{
    name: "",
    models: ["vendor/large"],
    calls: 2000,
    latency,
    bars: { refused: { share: 0 }, wall: { more: 3000 } }
  }],
  overSockets: false
}))

/** None may wait for another: each has to be done in the time of its own limit. */
const alone: Bars = { wall: { times: 1.05 } }

const beside: Scenario = {
  name: "at once",
  herds: [
    {
      name: "a slow model",
      models: ["vendor/large"],
      calls: 100,
      latency: 300,
      limit: { name: "slow", over: "model", models: "vendor/large", requests: 5, window: 1000, phase, hint: "headers" },
      bars: alone
    },
    {
      name: "a fast model",
      models: ["vendor/small"],
      calls: 300,
      latency: 300,
      limit: {
        name: "fast",
        over: "model",
        models: "vendor/small",
        requests: 50,
        window: 1000,
        phase,
        hint: "headers"
      },
      bars: alone
    },
    {
      name: "a pool of free models",
      models: ["vendor/large:free", "other/one:free"],
      calls: 100,
      latency: 300,
      limit: { name: "free", over: "free", requests: 10, window: 1000, phase, hint: "body" },
      bars: alone
    }
  ],
  overSockets: false
}

/** What a simulation does: many calls at once, and then none for a while. */
const ticks: Scenario = {
  name: "ticks",
  herds: [30, 40, 100, 300].map((calls, tick) => ({
    name: `${calls} calls after ${2 * tick} minutes`,
    models: ["vendor/large"],
    calls,
    latency: 300,
    startsAfter: tick * 120_000,
    limit: { name: "limit", over: "model", requests: requestsPerSecond, window: 1000, phase, hint: "headers" },
    bars: { refused: tick === 0 ? { share: 1 } : { fixed: 4, share: 0.01 }, wall: { more: 1000 } }
  })),
  overSockets: false
}

const down: ReadonlyArray<Scenario> = [
  { says: "without a hint", hint: {} },
  { says: "with a hint of 10 s", hint: { retryAfter: 10_000 } }
].map(({ hint, says }) => ({
  name: `300 calls, 60 s of 503 ${says}`,
  herds: [{ name: "", models: ["vendor/large"], calls: 300, latency: 300, bars: { met: 60 } }],
  outage: { to: 60_000, ...hint },
  overSockets: false
}))

/** As providers refuse under load. First contact costs more than a second, as without refusals; and hints close for all. */
const dice: ReadonlyArray<Scenario> = [300, 2000].flatMap((calls) =>
  [300, 3000].map((latency) => ({
    name: `${calls} calls, ${latency / 1000} s, 5 % refused at random`,
    herds: ["first contact", "a minute later"].map((name, index) => ({
      name,
      models: ["vendor/large"],
      calls,
      latency,
      startsAfter: index * 60_000,
      bars: {
        refused: { fixed: 20, share: 0.12 },
        wall: index === 0 ? { more: 2000 } : latency <= 300 ? { more: 500 } : { times: 1.3 }
      }
    })),
    dice: 0.05,
    overSockets: false
  }))
)

/** Everything that `npm run herd` runs. */
export const scenarios: ReadonlyArray<Scenario> = [...limited, ...unlimited, beside, ticks, ...down, ...dice]

/** What a process does first that will run over sockets, so that no run pays for code which was never run before. */
export const warmUp: Scenario = {
  name: "warm-up",
  herds: [{ name: "", models: ["vendor/large"], calls: 300, latency: 0, bars: {} }],
  overSockets: true
}

/** The emulator's options for a scenario. */
export const optionsOf = ({ clockOffset, dice, herds, outage }: Scenario): Emulator.Options => ({
  credits: "1000000",
  limits: herds.flatMap(({ limit }, index) =>
    limit === undefined || herds.findIndex((herd) => herd.limit?.name === limit.name) < index ? [] : [limit]
  ),
  ...dice === undefined
    ? { latencies: Object.fromEntries(herds.flatMap(({ latency, models }) => models.map((model) => [model, latency]))) }
    : { rules: [{ reply: thrown(dice, herds[0]?.latency ?? 0) }] },
  outages: outage === undefined ? [] : [outage],
  clockOffset: clockOffset ?? 0
})

/** Refuses a share of the requests for 50 to 200 milliseconds; refusals come sooner than answers. */
const thrown = (share: number, latency: number) => ({ attempt, text }: Emulator.Call): Emulator.Reply.Reply => {
  const draw = Draw.make(7, `${text}, attempt ${attempt}`)
  if (Draw.fraction(draw) >= share) return Emulator.Reply.answer({ delay: latency })
  return Emulator.Reply.failure(429, {
    errorType: "rate_limit_exceeded",
    metadata: { limit_source: "upstream_provider_shared_pool", provider_name: "Emulator" },
    delay: 40,
    reset: { after: Draw.integer(Draw.child(draw, "hint"), 50, 200), place: "headers", tells: ["reset"] }
  })
}
