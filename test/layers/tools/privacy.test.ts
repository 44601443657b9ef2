import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Logger, Metric, References, Schema, Stream, Tracer } from "effect"
import { Tools } from "effect-openrouter"
import { AiError, Tool, Toolkit } from "effect/ai"
import { inspect } from "node:util"
import { call, type Turn, ways } from "./scripted.ts"

const model = "openai/gpt-5"

const argument = "the princess hides in the mill"

const result = "the key is under the mat"

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

const parameters = Schema.Struct({ secret: Schema.String, mode: Schema.String })

const declared = { parameters, success: Schema.String, failure: Refused } as const

const toolkit = Toolkit.make(
  Tool.make("tell", declared),
  Tool.make("guess", { ...declared, failureMode: "return" }),
  Tool.make("show", { parameters, success: Schema.Int }),
  Tool.make("send", { parameters, needsApproval: true })
)

const told = ({ mode, secret }: typeof parameters.Type) => {
  assert.strictEqual(secret, argument)
  return Effect.annotateCurrentSpan("mine", mode).pipe(
    Effect.andThen(Effect.withSpan(Effect.void, "inner")),
    Effect.andThen((): Effect.Effect<string, Refused | AiError.AiErrorReason> =>
      mode === "fail"
        ? Effect.fail(new Refused({ why: result }))
        : mode === "limit"
        ? Effect.fail(new AiError.RateLimitError({}))
        : mode === "die"
        ? Effect.die("broken")
        : Effect.succeed(result)
    )
  )
}

/** What a handler gives that its schema cannot encode: no type says that it does. */
const wrong = (text: string): number => JSON.parse(JSON.stringify(text))

const layer = toolkit.toLayer({
  tell: told,
  guess: told,
  show: () => Effect.succeed(wrong(result)),
  send: () => Effect.void
})

const inspected = (value: unknown) => inspect(value, { depth: null, showHidden: true, maxStringLength: null })

/** Runs a loop with all logs, spans and metrics caught, and its failure logged. */
const watched = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const texts: Array<string> = []
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span(options) {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const logger = Logger.make((options) => {
      texts.push(inspected(options.message), Cause.pretty(options.cause), inspected(options.cause))
    })
    // The value of the program is its own, so the span that it puts around its run is left with what it has by itself.
    const exit = yield* Effect.exit(Effect.asVoid(program)).pipe(
      Effect.tap((exit) => Exit.isFailure(exit) ? Effect.logError("failed", exit.cause) : Effect.logTrace("done")),
      Effect.withSpan("program"),
      Effect.withTracer(tracer),
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "Trace"),
      Effect.tap(() => Effect.map(Metric.snapshot, (metrics) => texts.push(inspected(metrics)))),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
    for (const span of spans) {
      texts.push(
        span.name,
        inspected(Array.from(span.attributes)),
        inspected(span.status),
        inspected(span.events),
        inspected(span.links)
      )
    }
    texts.push(JSON.stringify(exit), inspected(exit))
    if (Exit.isFailure(exit)) {
      const error = Exit.findErrorOption(exit)
      if (error._tag === "Some") texts.push(String(error.value), JSON.stringify(error.value), inspected(error.value))
    }
    return { exit, spans, texts }
  })

const asked = (name: string, mode: string, callId: string) => call(name, { secret: argument, mode }, callId)

const cases: ReadonlyArray<
  readonly [name: string, turns: ReadonlyArray<Turn>, options?: { readonly maxSteps: number }]
> = [
  ["a result", [asked("tell", "", "a"), "Done."]],
  ["a declared failure", [[asked("tell", "fail", "a"), asked("guess", "fail", "b")], "Done."]],
  ["a failure that goes back as a result", [asked("guess", "limit", "a"), "Done."]],
  ["an undeclared failure", [asked("tell", "limit", "a")]],
  ["a defect", [asked("tell", "die", "a")]],
  ["a result that cannot be encoded", [asked("show", "", "a")]],
  ["arguments that do not fit", [call("tell", { secret: 7, mode: argument }, "a"), "Done."]],
  ["arguments that are no JSON", [call("tell", `{"secret":"${argument}`, "a"), "Done."]],
  ["a tool that is not there", [asked("fly", "", "a"), "Done."]],
  ["a call that waits", [asked("send", "", "a")]],
  ["a loop", ["a", "b", "c"].map((id) => asked("tell", "", id))],
  ["too many steps", [asked("tell", "", "a")], { maxSteps: 1 }]
]

describe.each(ways)("no span, log line or metric has an argument or a result, over $name", ({ layer: scripted }) => {
  it.effect.each(cases)("after %s", ([_, turns, options]) =>
    Effect.gen(function*() {
      const request = { model, input: "Hi", toolkit, ...options }
      for (
        const program of [
          Tools.run(request),
          Stream.runDrain(Tools.stream(request))
        ]
      ) {
        const { spans, texts } = yield* watched(program).pipe(Effect.provide([layer, scripted(turns)]))
        assert.isAtLeast(spans.length, 2)
        for (const text of texts) {
          assert.notInclude(text, argument)
          assert.notInclude(text, result)
        }
      }
    }))

  it.effect("but a call has a span of its own, in which its handler's spans and attributes are", () =>
    Effect.gen(function*() {
      const { spans } = yield* watched(Tools.run({ model, input: "Hi", toolkit }))
      const span = spans.find(({ name }) => name === "execute_tool tell")
      assert.deepStrictEqual(Object.fromEntries(span?.attributes ?? []), {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "tell",
        "gen_ai.tool.call.id": "a",
        "gen_ai.tool.type": "function",
        mine: "fail",
        "error.type": "tool_failure"
      })
      const inner = spans.find(({ name }) => name === "inner")
      assert(inner?.parent._tag === "Some")
      assert.strictEqual(inner.parent.value.spanId, span?.spanId)
      assert.strictEqual(inner.traceId, span?.traceId)
      assert.strictEqual(span?.status._tag, "Ended")
      const outer = spans.find(({ name }) => name === "program")
      assert.deepStrictEqual(Array.from(outer?.attributes ?? []), [])
    }).pipe(Effect.provide([layer, scripted([asked("tell", "fail", "a"), "Done."])])))
})
