/** Tests with mistakes, each of which must fail with the words that `scripts/check-package.ts` looks for. */
import { Effect } from "effect"
import { OpenRouterTest } from "effect-openrouter/testing"
import { test } from "node:test"
import { narration, turn } from "./village.ts"

const bake = { action: "bakes", goTo: "the mill", hours: 3 }

const run = <A, E>(self: Effect.Effect<A, E>): Promise<void> => Effect.runPromise(Effect.asVoid(self))

test("leaves a reply", () => run(Effect.provide(turn("Ann"), OpenRouterTest.layer([bake, "left over"]))))

test("lacks a reply", () => run(Effect.provide(turn("Ann"), OpenRouterTest.layer([]))))

test("replies what does not fit", () =>
  run(Effect.provide(turn("Ann"), OpenRouterTest.layer({ ...bake, goTo: "the moon" }))))

test("must not ask", () => run(Effect.provide(narration, OpenRouterTest.layerForbidden)))

test("expects another error", () =>
  run(narration.pipe(
    OpenRouterTest.expectError("Refused"),
    Effect.provide(OpenRouterTest.layer(OpenRouterTest.serverError()))
  )))
