import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, Redacted } from "effect"
import { Admission, OpenRouter } from "effect-openrouter"
import { type Client, gated, informed, ungated } from "../../scripts/herd/clients.ts"
import { idealOf, type Measure, missed } from "../../scripts/herd/measure.ts"
import { type Herd, type Scenario, scenarios } from "../../scripts/herd/scenarios.ts"
import { runVirtual } from "../../scripts/herd/virtual.ts"

const t0 = 1_790_000_000_000

const scenario = (name: string): Scenario => {
  const found = scenarios.find((one) => one.name === name)
  assert.isDefined(found, `there is no scenario ${name}`)
  return found
}

const announced = scenario("300 calls, 0.3 s, reset in the header")

const only = ({ herds: [herd] }: Scenario): Herd => {
  assert.isDefined(herd)
  return herd
}

const figuresOf = (name: string, client: Client) =>
  Effect.map(runVirtual(scenario(name), client), ([row]) => {
    assert.isDefined(row)
    return row
  })

/** A gate that knows the limit and the server's phase, so that nothing is refused and no time lost. */
const oracle: Client = {
  name: "oracle",
  suits: informed.suits,
  layer: (scenario) => {
    const { limit } = only(scenario)
    let taken = 0
    let first: number | undefined
    const admission: Admission.Admission = {
      stage: "wait",
      admit: () =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          if (limit === undefined) return Effect.succeed(() => Effect.void)
          first ??= Math.floor((now - limit.phase) / limit.window) * limit.window + limit.phase
          const opens = first + Math.floor(taken++ / limit.requests) * limit.window
          return Effect.as(opens > now ? Effect.sleep(opens - now) : Effect.void, () => Effect.void)
        })
    }
    return Layer.merge(
      OpenRouter.layer({ apiKey: Redacted.make("herd") }),
      Layer.succeed(Admission.CurrentAdmissions, [admission])
    )
  }
}

describe("the ideal", () => {
  const herd = (calls: number, latency: number, phase?: number): Herd => ({
    ...only(announced),
    calls,
    latency,
    ...(phase !== undefined && { limit: { over: "model", requests: 20, window: 1000, phase } })
  })

  it("is the last window needed, by the server's phase, and the latency", () => {
    assert.strictEqual(idealOf(herd(300, 300, 0), {}, t0), 14_300)
    assert.strictEqual(idealOf(herd(300, 300, 500), {}, t0), 13_800)
    assert.strictEqual(idealOf(herd(301, 300, 500), {}, t0), 14_800)
    assert.strictEqual(idealOf(herd(20, 3000, 0), {}, t0 + 999), 3000)
  })

  it("is the latency where nothing is limited, after an outage", () => {
    const { limit: _, ...unlimited } = herd(2000, 3000)
    assert.strictEqual(idealOf(unlimited, {}, t0), 3000)
    assert.strictEqual(idealOf(unlimited, { outage: { to: 60_000 } }, t0), 63_000)
  })
})

describe("the bars", () => {
  const figures: Measure = {
    calls: 300,
    gaveUp: 0,
    reasons: {},
    refused: 30,
    refusedLater: 3,
    met: 60,
    requests: 330,
    wall: 1050,
    ideal: 1000
  }
  const herd: Herd = {
    ...only(announced),
    bars: { refused: { share: 0.1 }, refusedLater: { share: 0.01 }, wall: { times: 1.05 }, met: 60 }
  }

  it("are kept by what reaches them", () => assert.deepStrictEqual(missed(herd, figures), []))

  it("are missed by what passes them, each in words", () => {
    const worse = { ...figures, gaveUp: 1, refused: 31, refusedLater: 4, met: 61, wall: Infinity }
    assert.deepStrictEqual(missed(herd, worse), [
      "gave up: 1, at most 0",
      "429s: 31, at most 30",
      "429s after the first window: 4, at most 3",
      "wall in ms: no end, at most 1050",
      "requests that met the outage: 61, at most 60"
    ])
    assert.lengthOf(missed({ ...herd, bars: { wall: { more: 40 } } }, figures), 1)
    assert.lengthOf(missed({ ...herd, bars: { wall: { more: 50 } } }, figures), 0)
  })
})

describe("the harness", () => {
  it.live("sees what a client without a gate does", () =>
    Effect.gen(function*() {
      const [herd, figures] = yield* figuresOf(announced.name, ungated)
      // Each window serves 20; a call gives up after five attempts, one for each reset.
      assert.deepStrictEqual(figures.reasons, { RateLimited: 200 })
      assert.strictEqual(figures.refused, 1200)
      assert.strictEqual(figures.requests, 1300)
      assert.isAbove(missed(herd, figures).length, 0)
    }), 30_000)

  it.live.each(
    scenarios.filter((one) =>
      one.herds.length === 1 && only(one).limit !== undefined && only(one).calls === 300 && only(one).latency === 300
    )
  )("sees that a perfect gate keeps all bars: $name", ({ name }) =>
    Effect.gen(function*() {
      const [herd, figures] = yield* figuresOf(name, oracle)
      assert.deepStrictEqual(missed(herd, figures), [])
      assert.strictEqual(figures.refused, 0)
      assert.strictEqual(figures.wall, figures.ideal)
    }), 30_000)

  it.live("runs 2,000 calls in seconds", () =>
    Effect.gen(function*() {
      const [herd, figures] = yield* figuresOf("2000 calls, 3 s, reset none", oracle)
      assert.deepStrictEqual(missed(herd, figures), [])
    }), 30_000)
})

describe("the client as it comes", () => {
  it.live.each(
    [scenario("300 calls, 0.3 s, reset in the header"), scenario("300 calls, 3 s, reset in the body only")].flatMap(
      (one): ReadonlyArray<Scenario> => [{ ...one, clockOffset: 600_000 }, { ...one, clockOffset: -600_000 }]
    )
  )("keeps its bars where the server's clock is wrong by $clockOffset ms: $name", (scenario) =>
    Effect.gen(function*() {
      for (const [herd, figures] of yield* runVirtual(scenario, gated)) {
        assert.deepStrictEqual(missed(herd, figures), [])
      }
    }), 30_000)

  it.live.each(
    scenarios.filter(({ herds }) => herds.length > 1 || herds.every(({ calls, limit }) => calls === 300 || !limit))
  )("keeps its bars: $name", (scenario) =>
    Effect.gen(function*() {
      for (const [herd, figures] of yield* runVirtual(scenario, gated)) {
        assert.deepStrictEqual(missed(herd, figures), [], `${scenario.name} ${herd.name}`)
      }
    }), 30_000)
})
