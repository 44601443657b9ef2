import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import { Tools } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { DurableCalls, DurableTools } from "effect-openrouter/workflow"
import { Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"
import { Workflow, WorkflowEngine } from "effect/workflow"

const memory = DurableCalls.layer.pipe(Layer.provide(WorkflowEngine.layerMemory))

const Job = Workflow.make("Job", {
  payload: { id: Schema.String },
  success: Schema.Json,
  error: Schema.String,
  idempotencyKey: ({ id }) => id
})

const Pay = Tool.make("pay", {
  parameters: Schema.Struct({ eur: Schema.Int }),
  success: Schema.DateTimeUtc,
  needsApproval: true
})
const Look = Tool.make("look", {
  parameters: Schema.Struct({ at: Schema.String }),
  success: Schema.String,
  failure: Schema.Struct({ why: Schema.String })
})
const toolkit = Toolkit.make(Pay, Look)

/** Asks for two looks and two payments, then tells what came of them. */
const script = () => {
  const asked: Array<string> = []
  return {
    asked,
    script: () =>
      Effect.sync(() =>
        asked.push("model") === 1
          ? OpenRouterTest.answer({
            text: "",
            output: [
              ["look", { at: "door" }],
              ["pay", { eur: 5 }],
              ["pay", { eur: 500 }],
              ["look", { at: "nowhere" }]
            ].map(([name, args], n) => ({
              type: "function_call" as const,
              id: `fc_${n}`,
              callId: `call_${n}`,
              name: String(name),
              arguments: JSON.stringify(args),
              status: "completed" as const
            }))
          })
          : OpenRouterTest.answer({ text: "done" })
      )
  }
}

describe("Tools.run in a workflow", () => {
  it.effect("runs each handler once, and waits for decisions from elsewhere", () => {
    const { asked, script: answers } = script()
    const log: Array<string> = []
    const announced: Array<DurableTools.Approval> = []
    const steps: Array<ReadonlyArray<unknown>> = []
    const note = (line: string) => Effect.sync(() => void log.push(line))
    const handlers = toolkit.toLayer({
      pay: ({ eur }) =>
        Effect.andThen(
          note(`pay ${eur}`),
          Effect.succeed(Schema.decodeSync(Schema.DateTimeUtcFromString)("2026-01-02T03:04:05Z"))
        ),
      look: ({ at }) =>
        Effect.andThen(
          note(`look ${at}`),
          at === "nowhere" ? Effect.fail({ why: "dark" }) : Effect.succeed(`seen ${at}`)
        )
    })
    const body = Job.toLayer(() =>
      Tools.run({
        model: "openai/gpt-5",
        input: "Go.",
        toolkit,
        stopWhen: (step) => {
          steps.push(step.results.map(({ result }) => String(result)))
          return false
        }
      }).pipe(
        DurableTools.approvals((approval) => Effect.sync(() => void announced.push(approval))),
        Effect.map(({ _tag, text }) => `${_tag}: ${text}`),
        Effect.mapError((error) => error._tag)
      )
    )
    // Tokens are signed by threads of their own, which the clock of the test does not know.
    const settle = Effect.repeat(
      TestClock.adjust("10 millis").pipe(Effect.andThen(TestClock.withLive(Effect.sleep("5 millis")))),
      { times: 20 }
    )
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Job.execute({ id: "1" }))
      yield* settle
      expect(log.toSorted()).toEqual(["look door", "look nowhere"])
      expect(announced.map(({ call }) => call.arguments)).toEqual([{ eur: 5 }, { eur: 500 }])
      const [small, big] = announced
      if (small === undefined || big === undefined) return expect.unreachable()
      // The token of one call decides no other one, and what is no token decides nothing.
      expect((yield* Effect.flip(DurableTools.decide(small.token, Tools.approve(big.call)))).reason).toBe("changed")
      expect((yield* Effect.flip(DurableTools.decide("nonsense", Tools.approve(big.call)))).reason).toBe("foreign")
      yield* DurableTools.decide(big.token, Tools.deny(big.call, "too much"))
      yield* settle
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* DurableTools.decide(small.token, Tools.approve(small.call))
      yield* DurableTools.decide(small.token, Tools.deny(small.call))
      yield* settle
      yield* TestClock.adjust("1 minute")
      expect(yield* Fiber.join(fiber)).toBe("Answered: done")
      expect(log.toSorted()).toEqual(["look door", "look nowhere", "pay 5"])
      expect(announced.length).toBe(2)
      expect(asked.length).toBe(2)
      // What a replay sees of a result is what the tool gave.
      expect(steps.at(-1)?.[1]).toContain("2026-01-02T03:04:05.000Z")
    }).pipe(Effect.provide(body.pipe(
      Layer.provideMerge(memory),
      Layer.provideMerge(handlers),
      Layer.provideMerge(OpenRouterTest.layer(answers))
    )))
  })

  it.effect("outside of a workflow ends with a Pending as ever", () =>
    Tools.run({ model: "openai/gpt-5", input: "Go.", toolkit }).pipe(
      DurableTools.approvals(() => Effect.die("nobody is to be asked")),
      Effect.map((run) => expect(run._tag).toBe("Pending")),
      Effect.provide([
        toolkit.toLayer({ pay: () => Effect.die("not approved"), look: ({ at }) => Effect.succeed(at) }),
        OpenRouterTest.layer(script().script),
        memory
      ])
    ))
})
