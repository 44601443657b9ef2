import { type Array as Arr } from "effect"
import { OpenRouterTest } from "effect-openrouter/testing"

/** A call of a function as a model asks for it. */
export const call = (name: string, args: unknown, callId = `call_${name}`) => ({
  type: "function_call" as const,
  id: `fc_${callId}`,
  callId,
  name,
  arguments: typeof args === "string" ? args : JSON.stringify(args),
  status: "completed" as const
})

/** An answer of the test layer that consists of calls, each `[name, arguments]` with an id of its own. */
export const calls = (...list: Arr.NonEmptyReadonlyArray<ReturnType<typeof call>>) =>
  OpenRouterTest.answer({ output: list })
