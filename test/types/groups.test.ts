import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { OpenRouter, OpenRouterError } from "effect-openrouter"
import { HttpError } from "effect-openrouter/http"

// What is asserted here is asserted by the compiler; the tests only show that the file is there.

/** True if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

const holds = <const A extends true>(value: A) => assert.isTrue(value)

type ErrorOf<P> = P extends Effect.Effect<infer _A, infer E, infer _R> ? E
  : P extends Stream.Stream<infer _A, infer E, infer _R> ? E
  : "no program"

type SuccessOf<P> = P extends Effect.Effect<infer A, infer _E, infer _R> ? A
  : P extends Stream.Stream<infer A, infer _E, infer _R> ? A
  : "no program"

class Mine extends Error {
  readonly _tag = "Mine"
}

const call = OpenRouter.respond({ input: "Hello" }).pipe(Effect.map((answer) => answer.text))

const four = {
  unavailable: () => Effect.succeed(1 as const),
  rejected: () => Effect.succeed(2 as const),
  unfunded: () => Effect.succeed(3 as const),
  noAnswer: () => Effect.succeed(4 as const)
}

describe("groups of errors", () => {
  it("leave nothing where all are handled", () => {
    const handled = call.pipe(OpenRouterError.catchGroups(four))
    holds<Same<ErrorOf<typeof handled>, never>>(true)
    holds<Same<SuccessOf<typeof handled>, string | 1 | 2 | 3 | 4>>(true)
    const first = OpenRouterError.catchGroups(call, four)
    holds<Same<ErrorOf<typeof first>, never>>(true)
  })

  it("leave what is not handled", () => {
    const handled = call.pipe(
      OpenRouterError.catchGroups({ unavailable: four.unavailable, rejected: four.rejected })
    )
    holds<
      Same<
        ErrorOf<typeof handled>["_tag"],
        | "PaymentRequired"
        | "BudgetExceeded"
        | "Incomplete"
        | "Refused"
        | "GenerationFailed"
        | "EmptyCompletion"
      >
    >(true)
    const rest = handled.pipe(
      Effect.catchTags({
        PaymentRequired: () => Effect.succeed(""),
        BudgetExceeded: () => Effect.succeed(""),
        Incomplete: () => Effect.succeed(""),
        Refused: () => Effect.succeed("")
      }),
      OpenRouterError.catchGroups({ noAnswer: () => Effect.succeed("") })
    )
    holds<Same<ErrorOf<typeof rest>, never>>(true)
  })

  it("give their handlers the errors that can happen", () => {
    const handled = call.pipe(OpenRouterError.catchGroups({
      unfunded: (error) => {
        holds<Same<typeof error, OpenRouterError.PaymentRequired | OpenRouterError.BudgetExceeded>>(true)
        return Effect.fail("poor" as const)
      },
      noAnswer: (error) => {
        holds<
          Same<typeof error["_tag"], "Incomplete" | "Refused" | "GenerationFailed" | "EmptyCompletion">
        >(true)
        return Effect.succeed(error.partialText)
      }
    }))
    holds<Same<Extract<ErrorOf<typeof handled>, string>, "poor">>(true)
  })

  it("add what their handlers can fail with and need", () => {
    const handled = call.pipe(
      OpenRouterError.catchGroups({ ...four, unfunded: () => Effect.fail("poor" as const) })
    )
    holds<Same<ErrorOf<typeof handled>, "poor">>(true)
  })

  it("leave errors of others alone", () => {
    const mixed: Effect.Effect<string, OpenRouter.RespondError | Mine, OpenRouter.OpenRouter> = call
    const handled = mixed.pipe(OpenRouterError.catchGroups(four))
    holds<Same<ErrorOf<typeof handled>, Mine>>(true)
    const mapped = mixed.pipe(HttpError.mapErrors)
    holds<Same<ErrorOf<typeof mapped>, Mine | HttpError.HttpError>>(true)
    const stream: Stream.Stream<string, OpenRouter.StreamError | Mine> = Stream.empty
    const mappedStream = stream.pipe(HttpError.mapErrors)
    holds<Same<Stream.Error<typeof mappedStream>, Mine | HttpError.HttpError>>(true)
  })

  it("know no other groups", () => {
    // @ts-expect-error -- there is no such group
    const handled = () => call.pipe(OpenRouterError.catchGroups({ ...four, unavailabel: four.unavailable }))
    assert.isDefined(handled)
  })

  it("hold for streams", () => {
    const stream = OpenRouter.streamText({ input: "Hello" })
    const handled = stream.pipe(OpenRouterError.catchGroupsStream({
      unavailable: (error) => {
        holds<Same<Extract<typeof error, { _tag: "StreamInterrupted" }>, OpenRouterError.StreamInterrupted>>(true)
        return Stream.succeed<number>(1)
      },
      rejected: () => Stream.empty,
      unfunded: () => Stream.empty,
      noAnswer: () => Stream.empty
    }))
    holds<Same<ErrorOf<typeof handled>, never>>(true)
    holds<Same<SuccessOf<typeof handled>, string | number>>(true)
  })

  it("can be asked of an error", () => {
    const error: OpenRouter.RespondError = new OpenRouterError.RateLimited({ message: "slow down" })
    const group: OpenRouterError.Group = OpenRouterError.groupOf(error)
    assert.strictEqual(group, "unavailable")
    holds<
      Same<
        OpenRouterError.OfGroup<"unfunded">,
        OpenRouterError.PaymentRequired | OpenRouterError.BudgetExceeded
      >
    >(true)
  })
})
