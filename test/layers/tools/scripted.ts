import { Effect, Layer, Redacted, Schema } from "effect"
import { OpenRouter, RateGate } from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { Tool, Toolkit } from "effect/ai"

/** A call as a model asks for it; its arguments are JSON, or a text that is sent as it is. */
export interface Call {
  readonly name: string
  readonly arguments: unknown
  readonly callId: string
}

export const call = (name: string, args: unknown, callId = `call_${name}`): Call => ({ name, arguments: args, callId })

/** What the model says when it is asked: calls, a text, or both. */
export type Turn = string | Call | ReadonlyArray<string | Call>

const listOf = (turn: Turn): ReadonlyArray<string | Call> => typeof turn === "string" || "name" in turn ? [turn] : turn

const textOf = (turn: Turn) => listOf(turn).filter((part) => typeof part === "string").join("")

const callsOf = (turn: Turn) => listOf(turn).filter((part) => typeof part !== "string")

const argumentsOf = ({ arguments: args }: Call) => typeof args === "string" ? args : JSON.stringify(args)

const reply = (turn: Turn): OpenRouterTest.Reply =>
  OpenRouterTest.answer({
    text: textOf(turn),
    output: callsOf(turn).map((call) => ({
      type: "function_call",
      id: `fc_${call.callId}`,
      callId: call.callId,
      name: call.name,
      arguments: argumentsOf(call),
      status: "completed"
    }))
  })

const rule = (turn: Turn): Emulator.Rule => ({
  times: 1,
  reply: Emulator.Reply.answer({
    only: callsOf(turn).length > 0 && textOf(turn) === "",
    text: textOf(turn),
    items: callsOf(turn).map((call) => ({
      type: "function_call",
      id: `fc_${call.callId}`,
      call_id: call.callId,
      name: call.name,
      arguments: argumentsOf(call),
      status: "completed"
    }))
  })
})

const client = OpenRouter.layer({ apiKey: Redacted.make("sk-or-v1-test") }).pipe(Layer.provide(RateGate.none))

export const overEmulator = (rules: ReadonlyArray<Emulator.Rule>, options: Emulator.Options = {}) =>
  client.pipe(Layer.provideMerge(Emulator.layerHttpClient({ seed: 1, ...options, rules })))

/** Both ways to script a model, and how to see what it was asked. */
export const ways = [
  {
    name: "the test layer",
    layer: (turns: ReadonlyArray<Turn>): Layer.Layer<OpenRouter.OpenRouter> => OpenRouterTest.layer(turns.map(reply)),
    asked: Effect.serviceOption(OpenRouterTest.OpenRouterTest).pipe(
      Effect.flatMap((test) => test._tag === "Some" ? test.value.calls : Effect.succeed([])),
      Effect.map((requests) =>
        requests.map(({ input, toolChoice, tools }) => ({ input: JSON.stringify(input), toolChoice, tools }))
      )
    )
  },
  {
    name: "the emulator",
    layer: (turns: ReadonlyArray<Turn>): Layer.Layer<OpenRouter.OpenRouter> => overEmulator(turns.map(rule)),
    asked: Effect.serviceOption(Emulator.Emulator).pipe(
      Effect.flatMap((emulator) => emulator._tag === "Some" ? emulator.value.requests : Effect.succeed([])),
      Effect.map((requests) =>
        requests.map(({ body }) => {
          const { input, tool_choice: toolChoice, tools } = Schema.decodeUnknownSync(Body)(body)
          return { input: JSON.stringify(input), toolChoice, tools }
        })
      )
    )
  }
] as const

const Body = Schema.Struct({
  input: Schema.Unknown,
  tools: Schema.optionalKey(Schema.Unknown),
  tool_choice: Schema.optionalKey(Schema.Unknown)
})

export const scripted = (turns: ReadonlyArray<Turn>) => OpenRouterTest.layer(turns.map(reply))

export const rules = (turns: ReadonlyArray<Turn>) => turns.map(rule)

/** What the model was told of its calls, by id. */
export const told = (transcript: ReadonlyArray<object>): Record<string, unknown> =>
  Object.fromEntries(
    transcript.flatMap((item) =>
      "type" in item && item.type === "function_call_output" && "callId" in item && "output" in item
        ? [[String(item.callId), item.output]]
        : []
    )
  )

export class Broke extends Schema.TaggedError<Broke>()("Broke", { missing: Schema.Int }) {}

export const Weather = Tool.make("weather", {
  description: "The weather in a city",
  parameters: Schema.Struct({ city: Schema.String, day: Schema.optionalKey(Schema.String) }),
  success: Schema.String
})

export const Pay = Tool.make("pay", {
  parameters: Schema.Struct({ eur: Schema.Int }),
  success: Schema.Struct({ paid: Schema.Int }),
  failure: Broke
})

export const toolkit = Toolkit.make(Weather, Pay)

/** What the handlers did. */
export const handlers = (log: Array<string> = []) =>
  toolkit.toLayer({
    weather: ({ city }) =>
      Effect.sync(() => {
        log.push(`weather ${city}`)
        return `sunny in ${city}`
      }),
    pay: ({ eur }) =>
      Effect.suspend(() => {
        log.push(`pay ${eur}`)
        return eur > 100 ? Effect.fail(new Broke({ missing: eur - 100 })) : Effect.succeed({ paid: eur })
      })
  })
