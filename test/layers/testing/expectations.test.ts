import { assert, describe, it } from "@effect/vitest"
import { Cause, DateTime, Duration, Effect, Exit, Option, Schema } from "effect"
import { Input, OpenRouter, Usd } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { expect } from "vitest"
import { ask, model } from "../client/support.ts"

const input = "What does Bob want?"

const trouble = <A, E>(program: Effect.Effect<A, E>) =>
  Effect.map(Effect.exit(program), (exit) => {
    const defect = Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isDieReason)?.defect : undefined
    return defect instanceof OpenRouterTest.TestFailure ? defect.message : assert.fail(`no such defect: ${exit._tag}`)
  })

describe("expectError", () => {
  it.effect("gives the error of the tag, with its fields", () =>
    Effect.gen(function*() {
      const { refusal } = yield* OpenRouter.respond({ model, input }).pipe(OpenRouterTest.expectError("Refused"))
      assert.strictEqual(refusal, "no")
      const error = yield* OpenRouterTest.expectError(OpenRouter.streamText({ model, input }), "Refused")
      assert.strictEqual(error.refusal, "no")
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.refused("no")))))

  it.effect("says what came instead", () =>
    Effect.gen(function*() {
      const program = OpenRouterTest.expectError(ask(), "Refused")
      assert.strictEqual(
        yield* trouble(
          Effect.provide(program, OpenRouterTest.layer(OpenRouterTest.answer({ text: "Hi", cost: "0.1" })))
        ),
        `expected the error Refused, but it succeeded with Completed ("Hi", $0.10)`
      )
      assert.strictEqual(
        yield* trouble(Effect.provide(program, OpenRouterTest.layer(OpenRouterTest.rateLimited()))),
        "expected the error Refused, but it failed with RateLimited (the test says so)"
      )
    }))
})

describe("expectOutcome", () => {
  const outcome = OpenRouter.outcome({ model, input })

  it.effect("gives the outcome of the tag, with its fields", () =>
    Effect.gen(function*() {
      const { partialText } = yield* outcome.pipe(OpenRouterTest.expectOutcome("Incomplete"))
      assert.strictEqual(partialText, "half a sen")
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.incomplete("half a sen")))))

  it.effect("says what came instead", () =>
    Effect.gen(function*() {
      const message = (reply: OpenRouterTest.Reply) =>
        trouble(OpenRouterTest.expectOutcome(outcome, "Empty").pipe(Effect.provide(OpenRouterTest.layer(reply))))
      const told = yield* Effect.forEach([
        OpenRouterTest.toolCall("look", { at: "the inn" }),
        OpenRouterTest.incomplete("half a sen"),
        OpenRouterTest.refused("no"),
        OpenRouterTest.failed({ message: "broken" }),
        OpenRouterTest.serverError()
      ], message)
      assert.deepStrictEqual(told, [
        `expected the outcome Empty, but it is Completed (calls look({"at":"the inn"}), $0.00)`,
        `expected the outcome Empty, but it is Incomplete (max_output_tokens, "half a sen", $0.00)`,
        `expected the outcome Empty, but it is Refused ("no", $0.00)`,
        "expected the outcome Empty, but it is Failed (broken, $0.00)",
        "expected the outcome Empty, but it failed with ServerError (the test says so)"
      ])
    }))
})

describe("expectEqual", () => {
  const differences = (actual: unknown, expected: unknown) => {
    try {
      OpenRouterTest.expectEqual(actual, expected)
      return []
    } catch (error) {
      return error instanceof Error ? error.message.split("\n").slice(1).map((line) => line.trim()) : [String(error)]
    }
  }

  const values = () => ({
    cost: Usd.make("0.30"),
    at: DateTime.makeUnsafe(0),
    wait: Duration.seconds(3),
    who: Option.some("Ann"),
    list: [1, { a: "b" }]
  })

  it("passes equal values, amounts and instants included", () => {
    assert.deepStrictEqual(differences(values(), values()), [])
    assert.deepStrictEqual(differences({ a: 1, b: undefined }, { a: 1 }), [])
    assert.deepStrictEqual(differences(Usd.make("1"), Usd.make("1.00")), [])
  })

  it("shows each difference at its place", () => {
    assert.deepStrictEqual(
      differences({ ...values(), more: true }, {
        cost: Usd.make("0.31"),
        at: DateTime.makeUnsafe(1000),
        wait: Duration.minutes(1),
        who: Option.some("Bob"),
        list: [1, { a: "c" }, 2]
      }),
      [
        "cost: $0.30, expected $0.31",
        "at: 1970-01-01T00:00:00.000Z, expected 1970-01-01T00:00:01.000Z",
        "wait: 3s, expected 1m",
        `who: {"_id":"Option","_tag":"Some","value":"Ann"}, expected {"_id":"Option","_tag":"Some","value":"Bob"}`,
        `list[1].a: "b", expected "c"`,
        "list[2]: nothing, expected 2",
        "more: true, expected nothing"
      ]
    )
    assert.deepStrictEqual(differences("a", 1), [`the whole of it: "a", expected 1`])
    assert.deepStrictEqual(differences([], {}), ["the whole of it: [], expected {}"])
    assert.strictEqual(differences(Array.from({ length: 20 }, () => 1), []).at(-1), "and 10 more")
  })

  it("takes equal errors for equal, and different ones not", () => {
    assert.deepStrictEqual(differences(OpenRouterTest.refused("a"), OpenRouterTest.refused("a")), [])
    assert.match(
      differences({ error: OpenRouterTest.refused("a") }, { error: OpenRouterTest.empty() }).join("\n"),
      /^error: Refused \(.*\), expected EmptyCompletion \(.*\)$/
    )
  })

  it("does not take different objects for equal ones", () => {
    assert.isAbove(differences(OpenRouterTest.refused("a"), OpenRouterTest.refused("b")).length, 0)
    assert.isAbove(differences(Redact, {}).length, 0)
  })

  const Redact = new Map([["a", 1]])
})

describe("a request in words", () => {
  it("has who said what, the tools, the shape of the answer and the settings", () => {
    assert.strictEqual(
      OpenRouterTest.showRequest({
        models: ["a/b", "c/d"],
        instructions: "You are Bob.",
        input: [
          Input.user("What do you do?"),
          Input.user([Input.text("And"), Input.image("https://example.com/a.png")]),
          { type: "function_call", callId: "c1", name: "look", arguments: "{}" },
          Input.functionCallOutput({ callId: "c1" }, "an inn"),
          { type: "reasoning", id: "rs_1", summary: [] }
        ],
        tools: [{ type: "function", name: "look", parameters: { type: "object" } }, { type: "openrouter:web_search" }],
        text: { format: { type: "json_schema", name: "intention", schema: {} }, verbosity: "low" },
        maxOutputTokens: 100
      }),
      [
        "a/b, c/d",
        `  instructions: "You are Bob."`,
        `  user: "What do you do?"`,
        `  user: "And" {"type":"input_image","detail":"auto","imageUrl":"https://example.com/a.png"}`,
        "  call c1: look({})",
        `  result of c1: "an inn"`,
        `  {"type":"reasoning","id":"rs_1","summary":[]}`,
        "  tools: look, openrouter:web_search",
        "  answer: json_schema intention",
        "  maxOutputTokens: 100",
        `  verbosity: "low"`
      ].join("\n")
    )
  })

  it("is cut where it is long", () => {
    const text = OpenRouterTest.showRequest({ input: "x".repeat(5000) })
    assert.isBelow(text.length, 300)
    assert.include(text, "… (5000 characters)")
  })
})

describe("the expect of a runner", () => {
  it("compares and prints amounts as money once it is told to", () => {
    OpenRouterTest.extendExpect(expect)
    expect({ cost: Usd.make("0.5"), who: Option.some(Usd.make("1")) }).toEqual({
      cost: Usd.make("0.50"),
      who: Option.some(Usd.make("1.0"))
    })
    expect({ cost: Usd.make("0.5") }).not.toEqual({ cost: Usd.make("0.51") })
    expect({ cost: Usd.make("0.5") }).toMatchInlineSnapshot(`
      {
        "cost": $0.50,
      }
    `)
    // One that cannot be told is left as it is.
    OpenRouterTest.extendExpect({})
    OpenRouterTest.extendExpect({
      addSnapshotSerializer: () => {
        throw new Error("Not implemented")
      }
    })
    assert.throws(() =>
      OpenRouterTest.extendExpect({
        addSnapshotSerializer: () => {
          throw new TypeError("no serializer")
        }
      }), "no serializer")
  })
})

describe("types", () => {
  it("of values are those of their schemas", () => {
    const Intention = Schema.Struct({ action: Schema.String })
    // @ts-expect-error -- a number
    void OpenRouterTest.bySchema([Intention, { action: 1 }])
    // @ts-expect-error -- no such field, and one is missing
    void OpenRouterTest.bySchema([Intention, [{ act: "waits" }]])
    void OpenRouterTest.bySchema([Intention, [{ action: "waits" }, OpenRouterTest.refused(), "text"]])
    // @ts-expect-error -- it cannot fail with that
    void OpenRouterTest.expectError(ask(), "BudgetMissing")
    // @ts-expect-error -- nor in a pipe
    void ask().pipe(OpenRouterTest.expectError("BudgetMissing"))
    const mixed = Effect.mapError(ask(), (error) => error._tag === "Refused" ? error : "something else")
    void mixed.pipe(OpenRouterTest.expectError("Refused"), Effect.map(({ refusal }) => refusal.length))
  })
})
