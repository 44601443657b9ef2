/** The other side of the chat without a network: OpenRouter's emulator, which knows when to call which tool. */
import { Layer, Predicate, Redacted } from "effect"
import { OpenRouter } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"

interface Call {
  readonly body: { readonly [key: string]: unknown }
}

/** The item to which the model has to say something. */
const lastOf = ({ body }: Call): { readonly [key: string]: unknown } => {
  const { input } = body
  const last: unknown = Array.isArray(input) ? input.at(-1) : undefined
  return Predicate.isObject(last) ? last : {}
}

const says = (pattern: RegExp) => (call: Call) => {
  const { content, role } = lastOf(call)
  return role === "user" && typeof content === "string" && pattern.test(content)
}

/** The number of the question makes the id of the call. */
const calling = (name: string, argumentsOf: (said: string) => object) => (call: Call) =>
  Emulator.Reply.answer({
    only: true,
    items: [{
      type: "function_call",
      id: `fc_${name}`,
      call_id: `call_${name}_${Array.isArray(call.body["input"]) ? call.body["input"].length : 0}`,
      name,
      arguments: JSON.stringify(argumentsOf(String(lastOf(call)["content"]))),
      status: "completed"
    }]
  })

const rules: ReadonlyArray<Emulator.Rule> = [
  { when: says(/\b(time|late)\b/i), reply: calling("time", () => ({})) },
  { when: says(/\b(dice|roll)\b/i), reply: calling("dice", () => ({ count: 2, sides: 6 })) },
  { when: says(/\b(note|write|remember)\b/i), reply: calling("note", (text) => ({ text })) },
  {
    when: (call) => lastOf(call)["type"] === "function_call_output",
    reply: (call) => Emulator.Reply.text(`This is what I got: ${String(lastOf(call)["output"])}`)
  }
]

export const layer = OpenRouter.layer({ apiKey: Redacted.make("chat") }).pipe(
  Layer.provide(Emulator.layerHttpClient({
    seed: 1,
    latency: "100 millis",
    stream: { eventDelay: "10 millis" },
    rules
  }))
)
