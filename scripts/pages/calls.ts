/** Calls of a town as a ledger books them, the same ones each time: what the pages that are looked at and measured show. */
import { DateTime, Duration } from "effect"
import { type CostLedger, Costs, Usd } from "effect-openrouter"

const people = ["Ann", "Bob", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana"]

const phases = ["perceive", "intend", "speak", "remember"]

const models = ["openai/gpt-5", "openai/gpt-5-mini", "anthropic/claude-sonnet-4.5", "google/gemini-2.5-flash:nitro"]

/** Each so often in a thousand. */
const outcomes: ReadonlyArray<readonly [outcome: string, often: number]> = [
  ["RateLimited", 25],
  ["Incomplete", 12],
  ["Refused", 9],
  ["ProviderOverloaded", 16],
  ["InvalidOutput", 8],
  ["TimedOut", 4],
  ["Interrupted", 8]
]

const billed: ReadonlySet<string> = new Set(["Completed", "Incomplete", "Refused", "InvalidOutput"])

/** Numbers from 0 to 1 (mulberry32), the same for the same seed. */
const numbers = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const outcomeOf = (chance: number): string => {
  let left = chance * 1000
  for (const [outcome, often] of outcomes) {
    left -= often
    if (left < 0) return outcome
  }
  return "Completed"
}

/**
 * About so many bookings: mostly attempts, and among them some that were saved, recorded by hand, of unknown cost, and
 * reconciled later.
 */
export const make = (count: number, seed = 1): ReadonlyArray<CostLedger.Entry> => {
  const random = numbers(seed)
  const entries: Array<CostLedger.Entry> = []
  const ticks = Math.max(2, Math.min(60, Math.round(count / 160)))
  const perTick = count / ticks
  const begin = Date.UTC(2026, 10, 3, 9, 30)
  const add = (entry: Omit<CostLedger.Entry, "_tag" | "id" | "tags">) => {
    entries.push({ _tag: "Entry", id: `${seed}-${entries.length}`, tags: {}, ...entry })
  }
  let tickBegin = begin
  for (let tick = 1; entries.length < count; tick++) {
    const perPhase = perTick / phases.length
    for (const [step, phase] of phases.entries()) {
      const sent = tickBegin + step * 9000
      const end = Math.min(count, Math.round((tick - 1) * perTick + (step + 1) * perPhase))
      for (let n = 0; entries.length < end; n++) {
        const name = people[n % people.length] ?? "Ann"
        // A town of more people than there are names has families.
        const scopes = [
          `tick ${tick}`,
          phase,
          n < people.length ? name : `${name} ${1 + Math.floor(n / people.length)}`
        ]
        const model = models[phase === "speak" ? 0 : phase === "perceive" ? 3 : random() < 0.7 ? 1 : 2] ??
          "openai/gpt-5"
        const waited = n < 6 ? 0 : Math.round((n - 6) % 40 * 120 * random())
        const outcome = outcomeOf(random())
        const duration = outcome === "RateLimited" ? 90 + 200 * random() : 900 + 5000 * random() ** 3
        const began = sent + 300 * random()
        const ended = Math.round(began + waited + duration)
        if (random() < 0.04) {
          const cost = Usd.make((0.002 * random()).toFixed(6))
          add({
            time: DateTime.makeUnsafe(ended),
            scopes,
            call: "respond",
            model,
            outcome: "Saved",
            cost,
            costs: Costs.zero
          })
          continue
        }
        const inputTokens = Math.round(400 + 2400 * random())
        const outputTokens = Math.round(60 + 700 * random() ** 2)
        const price = model === "openai/gpt-5" ? 8 : model.startsWith("anthropic") ? 12 : 1
        const isKnown = outcome !== "Interrupted" && outcome !== "TimedOut"
        const cost = Usd.make(
          billed.has(outcome) ? ((inputTokens + outputTokens * 8) * price * 1.3e-7).toFixed(8) : "0"
        )
        const generationId = `gen-${begin / 1000}-${Math.floor(random() * 2 ** 40).toString(36).padStart(8, "0")}`
        const attempt = (
          attempt: number,
          { costs, ended, outcome, ran, waited }: {
            readonly costs: Costs.Costs
            readonly ended: number
            readonly outcome: string
            readonly ran: number
            readonly waited: number
          }
        ) =>
          add({
            time: DateTime.makeUnsafe(ended),
            scopes,
            call: "respond",
            model,
            servedModel: `${model}-2026-08-07`,
            outcome,
            attempt,
            duration: Duration.millis(ran),
            waited: Duration.millis(waited),
            generationId: `${generationId}${attempt}`,
            costs,
            ...(costs.unknown === 0 ? { cost: costs.cost } : {})
          })
        const tokens = billed.has(outcome)
          ? {
            inputTokens,
            outputTokens,
            cachedTokens: Math.round(inputTokens / 3),
            reasoningTokens: Math.round(outputTokens / 2)
          }
          : {}
        const failures = outcome === "Completed" ? 0 : 1
        attempt(1, {
          ended,
          ran: Math.round(duration),
          waited,
          outcome,
          costs: {
            ...Costs.zero,
            ...tokens,
            calls: 1,
            failures,
            unknown: isKnown ? 0 : 1,
            cost: isKnown ? cost : Usd.zero
          }
        })
        if (outcome === "RateLimited" || outcome === "ProviderOverloaded") {
          // What a gate lets wait is no pause of the retry loop.
          const pause = Math.round(outcome === "RateLimited" ? 0 : 800 + 2500 * random())
          const gate = Math.round(outcome === "RateLimited" ? 1500 + 2500 * random() : 0)
          const ran = Math.round(700 + 3000 * random() ** 3)
          attempt(2, {
            ended: ended + pause + gate + ran,
            ran,
            waited: gate,
            outcome: "Completed",
            costs: {
              ...Costs.zero,
              calls: 1,
              inputTokens,
              outputTokens,
              cost: Usd.make(((inputTokens + outputTokens * 8) * price * 1.3e-7).toFixed(8))
            }
          })
        } else if (!isKnown && random() < 0.4) {
          const known = Usd.make((0.004 * random()).toFixed(6))
          add({
            time: DateTime.makeUnsafe(ended + 60_000),
            scopes,
            model,
            outcome: "Reconciled",
            generationId: `${generationId}1`,
            cost: known,
            costs: { ...Costs.zero, unknown: -1, cost: known }
          })
        }
      }
    }
    tickBegin += 40_000
    if (tick % 5 === 0) {
      const cost = Usd.make("0.0125")
      add({
        time: DateTime.makeUnsafe(tickBegin - 1000),
        scopes: [`tick ${tick}`, "pictures of the market square, the mill and the bridge"],
        outcome: "Recorded",
        cost,
        costs: { ...Costs.zero, calls: 1, cost }
      })
    }
  }
  return entries
}
