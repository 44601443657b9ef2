/** The tests of a user who has no runner but Node's own. */
import { Effect } from "effect"
import { OpenRouterTest } from "effect-openrouter/testing"
import assert from "node:assert"
import { describe, test } from "node:test"
import { narration, turn } from "./village.ts"

describe("a villager", () => {
  test("idles where the answer makes no sense", () =>
    turn("Ann").pipe(
      Effect.map((turn) => OpenRouterTest.expectEqual(turn, { name: "Ann", action: "idles: made no sense" })),
      Effect.provide(OpenRouterTest.layer("This is no JSON.")),
      Effect.runPromise
    ))

  test("passes other errors on", () =>
    turn("Ann").pipe(
      OpenRouterTest.expectError("RateLimited"),
      Effect.map(({ limit }) => assert.strictEqual(limit, 20)),
      Effect.provide(OpenRouterTest.layer(OpenRouterTest.rateLimited({ limit: 20 }))),
      Effect.runPromise
    ))

  test("has a narrator", () =>
    narration.pipe(
      Effect.map((text) => assert.strictEqual(text, "It rains.")),
      Effect.provide(OpenRouterTest.layer("It rains.")),
      Effect.runPromise
    ))
})
