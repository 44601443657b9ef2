import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { OpenRouter } from "effect-openrouter"
import { type AiError, LanguageModel, Prompt, type Response, Tool, Toolkit } from "effect/ai"
import * as Recorded from "../../domain/stream/recorded.ts"
import type { Reply } from "../client/support.ts"
import { at } from "../emulator/support.ts"
import { collect, input, model, partsOf, provider, reply } from "./support.ts"

/** What the client itself makes of an answer: what the provider has to give as well. */
const direct = (answer: Reply, isStream: boolean) =>
  Effect.result(
    isStream
      ? OpenRouter.streamOutcome({ model, input: "Hi" }, () => Effect.void)
      : OpenRouter.outcome({ model, input: "Hi" })
  ).pipe(Effect.provide(provider([answer])))

/** A toolkit that has all functions which the answer calls. */
const toolkitOf = (names: ReadonlyArray<string>) =>
  Toolkit.make(...Array.from(new Set(names), (name) => Tool.dynamic(name, { success: Tool.EmptyParams })))

const parts = (names: ReadonlyArray<string>, isStream: boolean) => {
  const toolkit = toolkitOf(names)
  const handlers = toolkit.toLayer(Object.fromEntries(names.map((name) => [name, () => Effect.succeed({})])))
  const options = { prompt: "Hi", toolkit, disableToolCallResolution: true } as const
  const asked: Effect.Effect<ReadonlyArray<Response.AnyPart>, AiError.AiError, LanguageModel.LanguageModel> = isStream
    ? collect(LanguageModel.streamText(options)).pipe(Effect.provide(handlers))
    : Effect.map(LanguageModel.generateText(options), ({ content }) => content).pipe(Effect.provide(handlers))
  return Effect.result(asked)
}

const textOf = (parts: ReadonlyArray<unknown>) =>
  [
    ...partsOf(parts, "text").map((part) => at(part, "text")),
    ...partsOf(parts, "text-delta").map((part) => at(part, "delta"))
  ]
    .join("")

const count = (parts: ReadonlyArray<unknown>, type: string) => partsOf(parts, type).length

/** The types of the items that go back with the history. */
const returned = Effect.fnUntraced(function*(content: ReadonlyArray<Response.AnyPart>) {
  yield* Effect.exit(
    LanguageModel.generateText({ prompt: Prompt.concat(Prompt.fromResponseParts(content), "And?") })
  )
  const items = yield* input
  return Array.isArray(items) ? items.slice(0, -1).map((item) => String(at(item, "type") ?? "message")) : []
})

const check = Effect.fnUntraced(function*(answer: Reply, isStream: boolean) {
  const expected = yield* direct(answer, isStream)
  const calls = Result.isSuccess(expected) && expected.success._tag === "Completed"
    ? expected.success.functionCalls
    : []
  yield* Effect.gen(function*() {
    const given = yield* parts(calls.map(({ name }) => name), isStream)
    if (Result.isFailure(given)) {
      assert.notStrictEqual(given.failure.reason._tag, "InvalidOutputError", given.failure.message)
      const isAnswer = Result.isSuccess(expected) &&
        ["Completed", "Incomplete", "Refused"].includes(expected.success._tag)
      assert.isFalse(isAnswer, given.failure.message)
      return
    }
    if (Result.isFailure(expected)) return assert.fail("the client failed")
    const outcome = expected.success
    const content = given.success
    assert.strictEqual(count(content, "finish"), 1)
    assert.strictEqual(count(content, "text-start"), count(content, "text-end"))
    assert.strictEqual(count(content, "reasoning-start"), count(content, "reasoning-end"))
    assert.strictEqual(count(content, "tool-params-start"), count(content, "tool-params-end"))
    if (outcome._tag !== "Completed") return
    assert.strictEqual(textOf(content), outcome.text)
    assert.deepStrictEqual(
      partsOf(content, "tool-call").map((part) => at(part, "id")),
      calls.map(({ callId }) => callId)
    )
    const types = outcome.response.output.map((item) => item.type === "unknown" ? item.wireType : item.type)
    // What a stream tells at its end comes last.
    const sent = yield* returned(content)
    assert.deepStrictEqual(isStream ? sent.toSorted() : sent, isStream ? types.toSorted() : types)
  }).pipe(Effect.provide(provider([answer])))
})

describe.skipIf(!Recorded.isPresent)("recorded answers", () => {
  it.effect.each(Recorded.bodies("responses"))(
    "%s loses nothing",
    ([_, json]) => check({ ...reply([]), body: JSON.stringify(json) }, false)
  )

  it.effect.each(Recorded.streams().map(({ events, name }) => [name, events] as const))(
    "%s loses nothing",
    ([_, events]) =>
      check({
        body: events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""),
        headers: { "content-type": "text/event-stream" }
      }, true)
  )
})
