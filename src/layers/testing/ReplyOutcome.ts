/**
 * From a reply to the outcome that the real client would make of such an answer.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as E from "../../domain/error/OpenRouterError.ts"
import * as Usd from "../../domain/money/Usd.ts"
import * as Outcome from "../../domain/outcome/Outcome.ts"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import type { FunctionCall, OutputItem } from "../../domain/response/OutputItem.ts"
import type { Response } from "../../domain/response/Response.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as ObjectText from "./ObjectText.ts"
import * as ReadyErrors from "./ReadyErrors.ts"
import * as Shown from "./Shown.ts"
import { TestFailure } from "./TestFailure.ts"
import { answer, isAnswer, isError } from "./TestReply.ts"
import type { Answer, Details, Settled, TextStream, ToolCall } from "./TestReply.ts"

/**
 * The call that is replied to.
 *
 * @since 0.1.0
 */
export interface Asking {
  /** From 1, in the order in which calls came. */
  readonly number: number
  readonly request: CreateResponse
  /** The schema of `respondObject`. */
  readonly schema: Schema.Codec<unknown, unknown> | undefined
}

/**
 * The outcome of a reply that is no stream, or the failure of a call that was not answered.
 *
 * @since 0.1.0
 */
export const make = (
  reply: Exclude<Settled, TextStream>,
  asking: Asking
): Effect.Effect<Outcome.Outcome, E.RequestError | E.StreamInterrupted> => {
  if (isAnswer(reply)) return completed(reply, asking)
  return isError(reply) ? ofError(reply, asking) : Effect.succeed(reply)
}

/**
 * The outcome of an answer: it is read as the real client reads a response.
 *
 * @since 0.1.0
 */
export const completed = Effect.fnUntraced(function*(
  details: Answer,
  asking: Asking
): Effect.fn.Return<Outcome.Outcome, E.RequestError> {
  const text = yield* textOf(details, asking)
  return yield* ended({
    ...yield* answering(details, asking),
    status: "completed",
    output: [
      ...messageOf(text, "completed", asking),
      ...(details.output ?? []),
      ...(details.calls ?? []).map((call, index) => callOf(call, index, asking))
    ]
  })
})

/** The outcome of a response, as the real client sees it. */
const ended = (response: Response): Effect.Effect<Outcome.Outcome, E.RequestError> =>
  Effect.fromResult(
    Outcome.fromResponse(response, {
      headers: Wire.compact({ "x-generation-id": response.id }),
      attempts: 1,
      now: 0
    })
  )

/** The text of an answer: a value is written as the asked schema encodes it. */
const textOf = (details: Answer, { number, request, schema }: Asking): Effect.Effect<string> => {
  if (details.value === undefined) return Effect.succeed(details.text ?? "")
  if (schema === undefined) return Effect.succeed(JSON.stringify(details.value))
  return Effect.flatMap(
    Effect.flatMap(ObjectText.formatOf(schema, request), (format) => ObjectText.write(format, schema, details.value)),
    (text) =>
      Result.isSuccess(text) ? Effect.succeed(text.success) : Effect.die(
        new TestFailure(
          `the test's reply to call ${number} is no value of the schema that was asked for\n` +
            `${text.failure.map((line) => `  ${line}`).join("\n")}\n` +
            `the reply: ${Shown.value(details.value)}\n` +
            `the call: ${Shown.request(request)}`
        )
      )
  )
}

const answering = (details: Details, { number, request }: Asking): Effect.Effect<Omit<Response, "status" | "output">> =>
  Effect.map(DateTime.now, (now) => {
    const {
      cost,
      createdAt,
      id = `gen-test-${number}`,
      model = request.model ?? request.models?.[0],
      usage = noUsage
    } = details
    const instant = createdAt === undefined ? now : DateTime.makeUnsafe(createdAt)
    return {
      id,
      object: "response",
      createdAt: Math.floor(DateTime.toEpochMillis(instant) / 1000),
      usage: cost === undefined ? usage : { ...usage, cost: Usd.make(cost) },
      ...Wire.compact({ model })
    }
  })

const noUsage = { inputTokens: 0, outputTokens: 0, totalTokens: 0, cost: Usd.zero }

const messageOf = (text: string, status: string, { number }: Asking): ReadonlyArray<OutputItem> =>
  text === "" ? [] : [message(number, status, [textPart(text)])]

type MessagePart = Extract<OutputItem, { readonly type: "message" }>["content"][number]

const textPart = (text: string): MessagePart => ({ type: "output_text", text, annotations: [] })

/** It has what a message needs that is sent back as history. */
const message = (number: number, status: string, content: ReadonlyArray<MessagePart>): OutputItem => ({
  type: "message",
  id: `msg_test_${number}`,
  role: "assistant",
  status,
  content
})

const callOf = (call: ToolCall, index: number, { number }: Asking): FunctionCall => ({
  type: "function_call",
  id: `fc_test_${number}_${index + 1}`,
  callId: call.callId ?? `call_test_${number}_${index + 1}`,
  name: call.name,
  arguments: call.arguments,
  status: "completed"
})

/** An error that means an answered call becomes that outcome, so that `outcome` gives it and `respond` fails with it. */
const ofError = Effect.fnUntraced(function*(
  given: E.OpenRouterError,
  asking: Asking
): Effect.fn.Return<Outcome.Outcome, E.RequestError | E.StreamInterrupted> {
  const error = ReadyErrors.at(given, yield* DateTime.now)
  const { cost, generationId, model, usage } = error
  const known = yield* answering({ cost, model, usage, id: generationId }, asking)
  const partial = messageOf(error.partialText ?? "", "incomplete", asking)
  switch (error._tag) {
    case "Incomplete":
      return yield* ended({
        ...known,
        status: "incomplete",
        incompleteDetails: { reason: error.reason },
        output: partial
      })
    case "Refused": {
      if (error.source !== "model") return yield* Effect.fail(error)
      const { partialText = "", refusal } = error
      const parts: ReadonlyArray<MessagePart> = [
        ...(partialText === "" ? [] : [textPart(partialText)]),
        { type: "refusal", refusal }
      ]
      return yield* ended({
        ...known,
        status: "completed",
        output: [message(asking.number, "completed", parts)]
      })
    }
    case "GenerationFailed": {
      const response: Response = { ...known, status: "failed", output: partial }
      const { id, ...answered } = known
      return {
        _tag: "Failed",
        response,
        error,
        attempts: 1,
        ...Wire.compact({
          generationId: id,
          model: answered.model,
          usage: answered.usage,
          cost: answered.usage?.cost,
          callCost: answered.usage?.cost
        })
      }
    }
    case "EmptyCompletion":
      return yield* ended({ ...known, status: "completed", output: [] })
    case "InvalidOutput":
      return yield* completed(answer({ text: error.text, cost, model, usage, id: generationId }), asking)
    default:
      return yield* Effect.fail(error)
  }
})
