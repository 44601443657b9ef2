/**
 * The contract of the test client: what it was asked.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"

/**
 * Beside the `OpenRouter` service, a test layer provides the requests that it received.
 *
 * @since 0.1.0
 */
export class OpenRouterTest extends Context.Service<OpenRouterTest, {
  /** The requests so far, oldest first; the newest 10,000 are kept. */
  readonly calls: Effect.Effect<ReadonlyArray<CreateResponse>>
}>()("effect-openrouter/OpenRouterTest") {}

/**
 * The requests that the test layer received, oldest first.
 *
 * @since 0.1.0
 */
export const calls: Effect.Effect<ReadonlyArray<CreateResponse>, never, OpenRouterTest> = OpenRouterTest.use((test) =>
  test.calls
)
