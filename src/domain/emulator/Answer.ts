/**
 * What an emulated model says: the output items, how the generation ended, and the tokens it took.
 *
 * The answer is made before anything is known about its transport, so one answer can be sent as one JSON body or event by
 * event. It depends on the seed and on what the model reads, never on the order of arrival: the same question gets the
 * same answer, also when it is sent again.
 *
 * @since 0.1.0
 */
import * as Draw from "./Draw.ts"
import type { JsonObject } from "./Prompt.ts"
import type * as Reply from "./Reply.ts"
import type { Request } from "./Request.ts"
import { fit } from "./SchemaFit.ts"
import * as Json from "./SchemaJson.ts"
import * as Text from "./Text.ts"

/**
 * A finished generation.
 *
 * `billed` is false for a failure before the first token; then all tokens count as zero.
 *
 * @since 0.1.0
 */
export interface Answer {
  readonly status: "completed" | "incomplete" | "failed"
  readonly items: ReadonlyArray<JsonObject>
  readonly incompleteReason: string | undefined
  readonly error: { readonly code: string; readonly message: string } | undefined
  readonly errorType: string | undefined
  readonly inputTokens: number
  readonly outputTokens: number
  readonly reasoningTokens: number
  readonly billed: boolean
  readonly usage: Reply.UsageForm
}

/**
 * The point of the tree of draws that belongs to a question: the seed, the model and everything the model reads.
 *
 * Fields which do not change what is asked (`user`, `metadata`, `max_output_tokens`, …) do not change the answer.
 *
 * @since 0.1.0
 */
export const drawOf = (seed: number, model: string, { body }: Request): Draw.Draw => {
  const { input, instructions, text, tool_choice, tools } = body
  return Draw.make(seed, JSON.stringify([model, instructions ?? null, input, text ?? null, tools, tool_choice]))
}

/**
 * The answer of a model to a request.
 *
 * @since 0.1.0
 */
export const make = (request: Request, draw: Draw.Draw, generation: Reply.Generation): Answer => {
  const reasoningTokens = request.reasons || generation._tag === "Empty"
    ? Draw.integer(Draw.child(draw, "reasoning"), 16, 64)
    : 0
  const base: Answer = {
    status: "completed",
    items: [],
    incompleteReason: undefined,
    error: undefined,
    errorType: undefined,
    inputTokens: Math.max(1, Text.tokens(request.text)),
    outputTokens: reasoningTokens,
    reasoningTokens,
    billed: true,
    usage: "full"
  }
  const thoughts = reasoningTokens > 0 ? [reasoningItem(draw)] : []
  switch (generation._tag) {
    case "Answer": {
      const extra = generation.items ?? []
      const usage = generation.usage ?? "full"
      if (generation.only === true) return { ...base, items: extra, usage }
      const calls = callsOf(request, draw, generation.calls ?? [])
      const told = toldBy(request, generation)
      if (calls.length > 0 && told === undefined) {
        const outputTokens = base.outputTokens + calls.reduce((sum, { text }) => sum + Text.tokens(text), 0)
        return { ...base, items: [...extra, ...thoughts, ...calls.map(({ item }) => item)], outputTokens, usage }
      }
      const answer = limited(request, draw, base, told ?? generated(request, draw), thoughts)
      return {
        ...answer,
        items: [...extra, ...answer.items, ...calls.map(({ item }) => item)],
        outputTokens: answer.outputTokens + calls.reduce((sum, { text }) => sum + Text.tokens(text), 0),
        usage
      }
    }
    case "Refusal": {
      const refusal = generation.refusal ?? "I will not help with that."
      return {
        ...base,
        items: [...thoughts, messageItem(draw, "completed", [{ type: "refusal", refusal }])],
        outputTokens: base.outputTokens + Text.tokens(refusal)
      }
    }
    case "Incomplete": {
      const whole = contentOf(generated(request, draw))
      const text = generation.text ?? whole.slice(0, Math.ceil(whole.length / 2))
      return {
        ...base,
        status: "incomplete",
        incompleteReason: generation.reason ?? "max_output_tokens",
        items: [...thoughts, messageItem(draw, "incomplete", [textPart(text)])],
        outputTokens: base.outputTokens + Text.tokens(text)
      }
    }
    case "Failed": {
      const text = generation.text ?? ""
      const billed = generation.billed ?? text !== ""
      const errorType = generation.errorType ?? "server"
      return {
        ...base,
        status: "failed",
        error: {
          code: generation.code ?? codeOf(errorType),
          message: generation.message ?? "The generation failed."
        },
        errorType,
        items: text === "" ? [] : [messageItem(draw, "incomplete", [textPart(text)])],
        inputTokens: billed ? base.inputTokens : 0,
        outputTokens: billed ? Text.tokens(text) : 0,
        reasoningTokens: 0,
        billed
      }
    }
    case "Empty":
      return { ...base, items: thoughts }
  }
}

/**
 * The `error.code` that goes with an `error_type`.
 *
 * @since 0.1.0
 */
export const codeOf = (errorType: string): string => codes.get(errorType) ?? "server_error"

/** `error.code` knows fewer words than `error_type`; whatever is not listed here is a `server_error`. */
const codes: ReadonlyMap<string, string> = new Map([
  ["rate_limit_exceeded", "rate_limit_exceeded"],
  ["context_length_exceeded", "invalid_prompt"],
  ["invalid_request", "invalid_prompt"],
  ["refusal", "invalid_prompt"],
  ["content_policy_violation", "image_content_policy_violation"]
])

type Said =
  | { readonly _tag: "Speech"; readonly text: string }
  | { readonly _tag: "Call"; readonly name: string; readonly text: string }

const speech = (text: string): Said => ({ _tag: "Speech", text })

const contentOf = (said: Said): string => said.text

const generated = (request: Request, draw: Draw.Draw): Said => {
  const tool = Draw.pick(Draw.child(draw, "tool"), request.mustCall)
  if (tool !== undefined) {
    const schema = tool.parameters ?? { type: "object", properties: {}, additionalProperties: false }
    return { _tag: "Call", name: tool.name, text: JSON.stringify(Json.generate(schema, Draw.child(draw, "arguments"))) }
  }
  switch (request.format._tag) {
    case "Text":
      return speech(Text.paragraph(Draw.child(draw, "text")))
    case "JsonObject":
      return speech(JSON.stringify({ answer: Text.sentence(Draw.child(draw, "text")) }))
    case "JsonSchema":
      return speech(JSON.stringify(Json.generate(request.format.schema, Draw.child(draw, "json"))))
  }
}

/** What a reply says itself, instead of what would be made up. */
const toldBy = ({ format }: Request, { json, text }: Reply.Answer): Said | undefined => {
  if (text !== undefined) return speech(text)
  if (json === undefined) return undefined
  return speech(JSON.stringify(format._tag === "JsonSchema" ? fit(json, format.schema) : json))
}

const callsOf = ({ functions }: Request, draw: Draw.Draw, calls: ReadonlyArray<Reply.ToolCall>) =>
  calls.map((call, index) => {
    const parameters = functions.find(({ name }) => name === call.name)?.parameters
    const text = JSON.stringify(fit(call.arguments, parameters))
    return { text, item: callItem(Draw.child(draw, `call ${index}`), "completed", call.name, text) }
  })

/** Cuts what was said at `max_output_tokens`, from which reasoning takes its share first. */
const limited = (
  request: Request,
  draw: Draw.Draw,
  base: Answer,
  said: Said,
  thoughts: ReadonlyArray<JsonObject>
): Answer => {
  const limit = request.maxOutputTokens ?? Infinity
  if (limit <= base.reasoningTokens) {
    return {
      ...base,
      status: "incomplete",
      incompleteReason: "max_output_tokens",
      items: thoughts,
      outputTokens: limit,
      reasoningTokens: limit
    }
  }
  const left = limit - base.reasoningTokens
  const fits = Text.tokens(said.text) <= left
  const status = fits ? "completed" : "incomplete"
  const text = fits ? said.text : said.text.slice(0, left * 4)
  const item = said._tag === "Speech"
    ? messageItem(draw, status, [textPart(text)])
    : callItem(draw, status, said.name, text)
  return {
    ...base,
    status,
    incompleteReason: fits ? undefined : "max_output_tokens",
    items: [...thoughts, item],
    outputTokens: base.reasoningTokens + Text.tokens(text)
  }
}

const textPart = (text: string): JsonObject => ({ type: "output_text", text, annotations: [], logprobs: [] })

const messageItem = (draw: Draw.Draw, status: string, content: ReadonlyArray<JsonObject>): JsonObject => ({
  id: `msg_tmp_${Draw.identifier(Draw.child(draw, "message"), 12)}`,
  type: "message",
  role: "assistant",
  status,
  content
})

const callItem = (draw: Draw.Draw, status: string, name: string, text: string): JsonObject => ({
  id: `fc_tmp_${Draw.identifier(Draw.child(draw, "call"), 12)}`,
  type: "function_call",
  status,
  call_id: `call_${Draw.identifier(Draw.child(draw, "call_id"), 16)}`,
  name,
  arguments: text
})

const reasoningItem = (draw: Draw.Draw): JsonObject => ({
  id: `rs_tmp_${Draw.identifier(Draw.child(draw, "thought"), 12)}`,
  type: "reasoning",
  status: "completed",
  summary: [{ type: "summary_text", text: Text.sentence(Draw.child(draw, "summary")) }],
  format: "unknown"
})
