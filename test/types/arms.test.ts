import { assert, describe, it } from "@effect/vitest"
import { type Outcome, OutputItem, type StreamEvent } from "effect-openrouter"

/** True if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

const holds = <const A extends true>(value: A) => assert.isTrue(value)

describe("an output item", () => {
  /** Every arm that programs look at narrows by its `type`. */
  const show = (item: OutputItem.OutputItem): string => {
    switch (item.type) {
      case "message":
        return item.content.map((part) => part.type === "output_text" ? part.text : part.type).join("")
      case "function_call":
        return `${item.name}(${item.arguments})`
      case "reasoning":
        return `${item.summary?.length ?? 0}`
      case "image_generation_call":
        return item.result ?? ""
      case "unknown":
        return `${item.wireType} ${item.issue ?? ""} ${JSON.stringify(item.raw)}`
      default:
        return item.type
    }
  }

  it("narrows by its type, the unknown arm included", () => {
    assert.strictEqual(show({ type: "function_call", callId: "c", name: "go", arguments: "{}" }), "go({})")
    assert.strictEqual(show({ type: "unknown", wireType: "novel", raw: { a: 1 } }), `novel  {"a":1}`)
    holds<Same<Extract<OutputItem.OutputItem, { readonly type: "unknown" }>["raw"], unknown>>(true)
    holds<Same<Extract<OutputItem.OutputItem, { readonly type: "function_call" }>["arguments"], string>>(true)
  })

  it("has no members of other arms", () => {
    const item = (item: OutputItem.OutputItem) => {
      // @ts-expect-error -- only functions have a name
      if (item.type === "message") return item.name
      // @ts-expect-error -- no such type
      if (item.type === "massage") return ""
      return ""
    }
    assert.isDefined(item)
    assert.isDefined(OutputItem)
  })
})

describe("a stream event", () => {
  const show = (event: StreamEvent.StreamEvent): string | number => {
    switch (event.type) {
      case "response.output_text.delta":
      case "response.refusal.delta":
      case "response.function_call_arguments.delta":
        return event.delta
      case "response.function_call_arguments.done":
        return event.arguments
      case "response.created":
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
        return event.response.id ?? ""
      case "response.output_item.done":
        return event.item.type === "function_call" ? event.item.name : event.outputIndex
      case "error":
      case "response.error":
        return event.message ?? ""
      case "unknown":
        return event.wireType
      default:
        return event.type
    }
  }

  it("narrows by its type, the unknown arm included", () => {
    assert.strictEqual(show({ type: "response.output_text.delta", outputIndex: 0, contentIndex: 0, delta: "x" }), "x")
    assert.strictEqual(show({ type: "unknown", wireType: "novel", raw: {} }), "novel")
    holds<Same<Extract<StreamEvent.StreamEvent, { readonly type: "unknown" }>["raw"], unknown>>(true)
    holds<Same<Extract<StreamEvent.StreamEvent, { readonly type: "response.output_text.delta" }>["delta"], string>>(
      true
    )
  })

  it("has no types that the API does not have", () => {
    const event = (event: StreamEvent.StreamEvent) =>
      // @ts-expect-error -- misspelt
      event.type === "response.text.delta" ? "" : event.type
    assert.isDefined(event)
  })
})

describe("an outcome", () => {
  it("can be matched without a default", () => {
    const show = (outcome: Outcome.Outcome): string => {
      switch (outcome._tag) {
        case "Completed":
          return outcome.text
        case "Incomplete":
          return outcome.partialText
        case "Refused":
          return outcome.refusal
        case "Failed":
          return outcome.error.message
        case "Empty":
          return ""
      }
    }
    assert.isDefined(show)
    holds<Same<Outcome.Outcome["_tag"], "Completed" | "Incomplete" | "Refused" | "Failed" | "Empty">>(true)
  })
})
