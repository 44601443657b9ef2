import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Ref } from "effect"
import { CostLedger, Usd } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import * as data from "../../examples/town/data.ts"
import * as Emulated from "../../examples/town/Emulated.ts"
import * as Report from "../../examples/town/Report.ts"
import * as Town from "../../examples/town/Town.ts"

const quiet: Town.Options = {
  model: "openai/gpt-5",
  ticks: 2,
  people: data.people,
  places: data.places,
  say: () => Effect.void
}

const start = 1_800_000_000_000

/** Milliseconds that phases of so many calls take at best, one after the other. */
const idealOf = (phases: ReadonlyArray<number>) => {
  const latency = 40
  let now = 0
  let window = 0
  let left = Emulated.requestsPerSecond
  for (const calls of phases) {
    for (let n = 0; n < calls; n++) {
      if (Math.floor(now / 1000) > window || left === 0) {
        window = Math.max(Math.floor(now / 1000), window + 1)
        left = Emulated.requestsPerSecond
      }
      now = Math.max(now, window * 1000)
      left--
    }
    now += latency
  }
  return now
}

/** Tells a story under the test clock, which passes all waits. At its origin, 1970, no reset would read as an instant. */
const told = Effect.fnUntraced(function*({ at = 0, ...options }: Partial<Emulated.Options> & { readonly at?: number }) {
  yield* TestClock.setTime(start + at)
  const fiber = yield* Effect.forkChild(Emulated.run({ ...quiet, seed: 1, credits: "100", ...options }))
  yield* TestClock.adjust("5 minutes")
  return yield* Fiber.join(fiber)
})

const idlers = (story: Town.Story) =>
  story.ticks.flatMap(({ tick, turns }) =>
    turns.flatMap(({ idle, name }) => idle === undefined ? [] : [`${tick} ${name}: ${idle}`])
  )

describe("the town", () => {
  it.effect("spends no more in a tick than its budget, and who would cost more idles", () =>
    Effect.gen(function*() {
      const story = yield* told({ budget: "0.01" })
      assert.strictEqual(story.stoppedBy, undefined)
      assert.isTrue(idlers(story).some((line) => line.endsWith("the money of this tick is spent")))
      for (const { cost } of CostLedger.by(story.costs, "tick").scopes) {
        assert.isTrue(Usd.isLessThanOrEqualTo(cost, Usd.make("0.01")))
      }
      assert.isTrue(Report.isExact(story))
    }))

  it.effect("acts, idles where an answer is none, and pays what the emulator charges", () =>
    Effect.gen(function*() {
      const story = yield* told({})
      assert.strictEqual(story.stoppedBy, undefined)
      assert.deepStrictEqual(idlers(story), [
        "1 Bram: refused (I will not help with that.)",
        "2 Celia: cut short (max_output_tokens)"
      ])
      const [bram] = story.ticks.flatMap(({ turns }) => turns.filter(({ name }) => name === "Bram"))
      assert.strictEqual(bram?.action, "idles")
      assert.strictEqual(bram?.goTo, bram?.place)
      for (const { scenes, turns } of story.ticks) {
        assert.strictEqual(turns.length, data.people.length)
        assert.strictEqual(scenes.length, data.places.length)
        for (const { narration } of scenes) assert.isAbove(narration.length, 20)
      }
      assert.strictEqual(Usd.toText(story.costs.cost), Usd.toText(story.charged))
      assert.isTrue(Report.isExact(story))
      assert.isFalse(Report.isExact({ ...story, charged: Usd.zero }))
      assert.strictEqual(story.costs.unknown, 0)
    }))

  it.effect("waits at the rate gate, and takes hardly longer than its limit asks for", () =>
    Effect.gen(function*() {
      const people = data.peopleOf(300)
      const lines: Array<string> = []
      const clock = yield* Clock.Clock
      let endedAt = 0
      const say = (line: string) =>
        Effect.sync(() => {
          lines.push(line)
          endedAt = clock.currentTimeMillisUnsafe()
        })
      const story = yield* told({ people, ticks: 3, say })
      assert.strictEqual(story.stoppedBy, undefined)
      assert.deepStrictEqual(idlers(story), [
        "1 Bram: refused (I will not help with that.)",
        "2 Celia: cut short (max_output_tokens)"
      ])
      const phases = story.ticks.flatMap(() => [people.length, data.places.length, data.places.length, people.length])
      const ideal = idealOf(phases)
      // It begins with the next second.
      const millis = endedAt - start - 1000
      assert.isTrue(millis <= 1.1 * ideal, `${millis} ms, ideal ${ideal} ms`)
      const refused = story.costs.calls - phases.reduce((sum, calls) => sum + calls, 0)
      assert.isAtMost(refused, 0.05 * story.costs.calls)
      const waiting = lines.filter((line) => /^ {4}\d+ calls wait for their turn$/.test(line))
      assert.isTrue(waiting.length > 5 && waiting.length <= millis / 2000, `${waiting.length} lines`)
    }), 30_000)

  it.effect("of eight meets the limit as well, and loses nobody", () =>
    Effect.gen(function*() {
      const lines = yield* Ref.make<ReadonlyArray<string>>([])
      const story = yield* told({ ticks: 3, say: (line) => Ref.update(lines, (lines) => [...lines, line]) })
      assert.isAbove(story.costs.calls, 72)
      assert.lengthOf(idlers(story), 2)
      assert.include(yield* Ref.get(lines), "    Bram idles: refused (I will not help with that.)")
    }))

  it.effect("books run > tick > phase > name, and reports across them", () =>
    Effect.gen(function*() {
      const story = yield* told({})
      const { costs } = story
      assert.deepStrictEqual(costs.scopes.map(({ name }) => name), ["tick 1", "tick 2"])
      const phases = ["intentions", "resolution", "narration", "memory"]
      for (const tick of costs.scopes) assert.deepStrictEqual(tick.scopes.map(({ name }) => name), phases)
      const everybody = data.people.map(({ name }) => name)
      assert.deepStrictEqual(costs.scopes[0]?.scopes[0]?.scopes.map(({ name }) => name), everybody)
      const text = Report.toText(story)
      for (const name of ["tick 2", ...phases, ...everybody, ...data.places.map(({ name }) => name)]) {
        assert.match(text, new RegExp(`^  ${name} .*\\$0\\.\\d+$`, "m"))
      }
      assert.include(text, `emulator ${Usd.format(story.charged)}: the same to the last digit`)
    }))

  it.effect("without credits stops with its tables, exact all the same", () =>
    Effect.gen(function*() {
      const story = yield* told({ credits: "0.01" })
      assert.strictEqual(story.stoppedBy?._tag, "PaymentRequired")
      assert.strictEqual(story.ticks.length, 0)
      assert.isTrue(Report.isExact(story))
      assert.strictEqual(story.costs.unknown, 0)
      const text = Report.toText(story)
      assert.match(text, /^ {2}intentions .*\$0\.\d+$/m)
      assert.notInclude(text, "Stopped by")
      assert.match(Report.endOf(story) ?? "", /^Stopped by PaymentRequired: /m)
      assert.include(Report.toJson(story), `"by": "PaymentRequired"`)
    }))

  it.effect("gives the same JSON for the same seed, and another for another", () =>
    Effect.gen(function*() {
      const first = yield* told({ seed: 7, ticks: 3 })
      // Slower, so that none meets the rate limit.
      const second = yield* told({ seed: 7, ticks: 3, at: 1_234_567, say: () => Effect.sleep("150 millis") })
      assert.notStrictEqual(second.costs.calls, first.costs.calls)
      assert.strictEqual(Report.toJson(second), Report.toJson(first))
      assert.notStrictEqual(Report.toJson(yield* told({ seed: 8, ticks: 3 })), Report.toJson(first))
      assert.notInclude(Report.toJson(first), "calls")
    }))

  it.effect("grows to any number of people", () =>
    Effect.gen(function*() {
      const story = yield* told({ people: data.peopleOf(100), ticks: 1 })
      assert.strictEqual(new Set(story.ticks[0]?.turns.map(({ name }) => name)).size, 100)
      assert.isTrue(Report.isExact(story))
    }))
})

describe("a call that fails", () => {
  /** All goes well but for the calls that have this part in what is said. */
  const failing = (part: string, error: OpenRouterTest.Reply) =>
    Town.run({ ...quiet, ticks: 1 }).pipe(Effect.provide(OpenRouterTest.layer(
      OpenRouterTest.byRequest([({ input, instructions }) => `${instructions} ${input}`.includes(part), error]).pipe(
        OpenRouterTest.orElse(OpenRouterTest.auto())
      )
    )))

  it.effect("idles its character when the rate limit lasts too long", () =>
    Effect.gen(function*() {
      const story = yield* failing("You are Dov,", OpenRouterTest.rateLimited())
      assert.strictEqual(story.stoppedBy, undefined)
      assert.deepStrictEqual(idlers(story), ["1 Dov: rate-limited for too long"])
      const dov = story.ticks[0]?.turns.find(({ name }) => name === "Dov")
      assert.strictEqual(dov?.goTo, "the harbour")
      assert.deepStrictEqual(dov?.memories, [])
    }))

  it.effect("leaves half a narration as it is", () =>
    Effect.gen(function*() {
      const story = yield* failing("You narrate", OpenRouterTest.incomplete("Gulls and"))
      assert.strictEqual(story.ticks[0]?.scenes[0]?.narration, "Gulls and …")
    }))

  it.effect("stops the town when nobody could answer", () =>
    Effect.gen(function*() {
      const story = yield* failing("You narrate", OpenRouterTest.providerUnavailable())
      assert.strictEqual(story.stoppedBy?._tag, "ProviderUnavailable")
      assert.strictEqual(story.ticks.length, 0)
    }))

  it.effect("says what to do when there is no key", () =>
    Effect.gen(function*() {
      const message = "there is no API key: set OPENROUTER_API_KEY"
      const story = yield* failing("", OpenRouterTest.invalidApiKey({ message }))
      assert.include(Report.endOf(story), "Stopped by InvalidApiKey: there is no API key: set OPENROUTER_API_KEY")
    }))
})
