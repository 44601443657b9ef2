/** The tests of a user who has vitest; `scripts/check-package.ts` runs them on the packed package. */
import { assert, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { CostLedger, OpenRouter, Usd } from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import { day, Intention, model, narration, turn } from "./village.ts"

OpenRouterTest.extendExpect(expect)

it.effect("acts, idles and counts", () =>
  Effect.gen(function*() {
    const [turns, spent] = yield* day(["Ann", "Bob"])
    assert.deepStrictEqual(turns, [
      { name: "Ann", action: "bakes (the mill)" },
      { name: "Bob", action: "idles: no" }
    ])
    expect(spent.cost).toEqual(Usd.make("0.012"))
    expect({ cost: spent.cost }).toMatchInlineSnapshot(`
      {
        "cost": $0.012,
      }
    `)
  }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.byRequest(
    [({ instructions }) => instructions === "You are Bob.", OpenRouterTest.refused("no", { cost: "0.002" })],
    [() => true, [OpenRouterTest.value({ action: "bakes", goTo: "the mill", hours: 3 }, { cost: "0.01" })]]
  )))))

it.effect("asks as it should", () =>
  Effect.gen(function*() {
    yield* turn("Ann")
    const [request] = yield* OpenRouterTest.calls
    OpenRouterTest.expectEqual({ ...request, text: undefined }, {
      model,
      instructions: "You are Ann.",
      input: "What do you do?",
      // For structured answers the client asks for endpoints that know how.
      provider: { requireParameters: true }
    })
  }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.bySchema([
    Intention,
    [{ action: "bakes", goTo: "the mill", hours: 3 }]
  ])))))

it.effect("waits for a slow narrator, and says half of what breaks off", () =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(narration)
    yield* TestClock.adjust("1 minute")
    assert.strictEqual(yield* Fiber.join(fiber), "Once upon …")
  }).pipe(Effect.provide(OpenRouterTest.layer(
    OpenRouterTest.stream(["Once", OpenRouterTest.pause("30 seconds"), " upon", OpenRouterTest.interrupted()])
  ))))

it.effect("lives without a script, twice the same", () =>
  Effect.gen(function*() {
    const names = Array.from({ length: 50 }, (_, n) => `Villager ${n}`)
    const live = Effect.provide(day(names), OpenRouterTest.layerAuto({ seed: 7, cost: "0.001" }))
    const [[first, spent], [second]] = [yield* live, yield* live]
    assert.deepStrictEqual(second, first)
    assert.strictEqual(`${spent.cost}`, "$0.05")
    assert.strictEqual(first.filter(({ action }) => action.startsWith("idles")).length, 0)
  }))

it.effect("sends nothing for nobody", () => Effect.provide(day([]), OpenRouterTest.layerForbidden))

it.effect("speaks the server's dialect", () =>
  Effect.gen(function*() {
    const outcome = OpenRouter.outcome({ model: "emulator/incomplete", input: "Hello" })
    const [{ partialText }, spent] = yield* CostLedger.measured(OpenRouterTest.expectOutcome(outcome, "Incomplete"))
    assert.isAbove(partialText.length, 0)
    const { total } = yield* (yield* Emulator.Emulator).ledger
    assert.isTrue(Usd.equals(spent.cost, Usd.fromDecimal(total)))
  }).pipe(Effect.provide(
    OpenRouter.layer({ apiKey: Redacted.make("sk-or-v1-any") }).pipe(Layer.provideMerge(Emulator.layerHttpClient()))
  )))
