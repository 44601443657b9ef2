/**
 * `POST /embeddings`: vectors that depend on the seed, the model and the words, and that are charged like input.
 *
 * A vector is the sum of the vectors of its words, at length one: texts that share words are near to each other.
 *
 * @since 0.1.0
 */
import * as Base64 from "effect/encoding/Base64"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Draw from "./Draw.ts"
import { type Context, interrupt, send, sendFault, type State, type Step } from "./Exchange.ts"
import * as Gate from "./Gate.ts"
import * as Ledger from "./Ledger.ts"
import * as Price from "./Price.ts"
import type { JsonObject } from "./Prompt.ts"
import * as Recent from "./Recent.ts"
import * as Reply from "./Reply.ts"
import * as Text from "./Text.ts"

/**
 * Serves a request whose key was accepted.
 *
 * @since 0.1.0
 */
export const respond = (context: Context, state: State): Step => {
  const { arrival, config, json, key, now } = context
  const fail = (status: number, message: string, errorType: string): Step => [
    sendFault(context, Reply.failure(status, { message, errorType })),
    state
  ]
  if (arrival.body === undefined) {
    return fail(413, `The request body is larger than ${config.maxBodyBytes} bytes.`, "payload_too_large")
  }
  const parsed = parse(json)
  if (Result.isFailure(parsed)) return fail(400, parsed.failure, "invalid_request")
  const { body, dimensions, encoding, inputs, model } = parsed.success
  const draw = Draw.make(config.seed, JSON.stringify(["embedding", model]))
  const text = inputs.join("\n")
  const asked = Draw.child(draw, JSON.stringify([inputs, dimensions]))
  const attempt = (Recent.get(state.attempts, Draw.toKey(asked)) ?? 0) + 1
  const id = `gen-${Math.floor(now / 1000)}-${Draw.identifier(Draw.child(asked, `generation ${attempt}`), 20)}`
  const call = { path: context.path, key: Ledger.keyLabel(key), model, text, attempt, body }
  const gate = Gate.admit(context, state, call)
  if (Result.isFailure(gate)) return [sendFault(context, gate.failure.failure, id), gate.failure.state]
  const { price } = gate.success
  const admitted: State = {
    ...gate.success.state,
    attempts: Recent.set(state.attempts, Draw.toKey(asked), attempt)
  }
  const reply = gate.success.reply ?? Reply.answer()
  if (Reply.isInterruption(reply)) return [interrupt(context, reply, id), admitted]
  const tokens = inputs.reduce((sum, input) => sum + Math.max(1, Text.tokens(input)), 0)
  const charge = Price.charge(price, tokens, 0)
  const document: JsonObject = {
    id,
    object: "list",
    model,
    data: inputs.map((input, index) => ({
      object: "embedding",
      index,
      embedding: encoding === "base64" ? toBase64(vector(draw, input, dimensions)) : vector(draw, input, dimensions)
    })),
    usage: { prompt_tokens: tokens, total_tokens: tokens, cost: Price.toWire(charge.total), is_byok: false }
  }
  const entry: Ledger.Entry = {
    id,
    key,
    model,
    createdAt: now,
    inputTokens: tokens,
    outputTokens: 0,
    reasoningTokens: 0,
    cost: charge.total,
    finishReason: "stop",
    streamed: false,
    cancelled: false
  }
  const settled = Gate.settle(context, admitted, call, tokens)
  return [send(context, document, reply, id), { ...settled, books: Ledger.charge(settled.books, entry) }]
}

interface Wanted {
  readonly model: string
  readonly inputs: ReadonlyArray<string>
  readonly dimensions: number
  readonly encoding: "float" | "base64"
  readonly body: JsonObject
}

const parse = (json: unknown): Result.Result<Wanted, string> => {
  if (!Predicate.isObject(json)) return Result.fail("The request body must be a JSON object.")
  const { dimensions = 64, encoding_format: encoding = "float", input, model } = json
  if (typeof model !== "string" || model === "") {
    return Result.fail("The required parameter 'model' is missing or empty.")
  }
  const inputs = readInputs(input)
  if (inputs === undefined) return Result.fail("Invalid 'input': expected a text, tokens, or an array of these.")
  if (inputs.length === 0) return Result.fail("Invalid 'input': expected at least one element.")
  if (typeof dimensions !== "number" || !Number.isInteger(dimensions) || dimensions < 1 || dimensions > 4096) {
    return Result.fail("Invalid 'dimensions': expected an integer from 1 to 4096.")
  }
  if (encoding !== "float" && encoding !== "base64") {
    return Result.fail("Invalid 'encoding_format': expected one of float, base64.")
  }
  return Result.succeed({ model, inputs, dimensions, encoding, body: json })
}

const readInputs = (input: unknown): ReadonlyArray<string> | undefined => {
  const single = readInput(input)
  if (single !== undefined) return [single]
  if (!Array.isArray(input)) return undefined
  const inputs = input.map(readInput).filter(Predicate.isString)
  return inputs.length === input.length ? inputs : undefined
}

/** A text, tokens, or parts as one text. */
const readInput = (input: unknown): string | undefined => {
  if (typeof input === "string") return input
  if (Array.isArray(input)) return input.length > 0 && input.every(Predicate.isNumber) ? input.join(" ") : undefined
  const content = Predicate.isObject(input) ? input["content"] : undefined
  if (!Array.isArray(content)) return undefined
  return content.filter(Predicate.isObject).map((part) => part["text"]).filter(Predicate.isString).join(" ")
}

/** How many words have a say; more would take seconds for nothing. */
const meaningfulWords = 1000

const vector = (draw: Draw.Draw, text: string, dimensions: number): ReadonlyArray<number> => {
  const sums = Array.from({ length: dimensions }, () => 0)
  // A text without words is a word of its own.
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu)?.slice(0, meaningfulWords) ?? [text]) {
    const here = Draw.child(draw, word)
    for (let i = 0; i < dimensions; i++) sums[i] = (sums[i] ?? 0) + Draw.fraction(Draw.child(here, i)) - 0.5
  }
  const length = Math.hypot(...sums) || 1
  return sums.map((sum) => Math.fround(sum / length))
}

/** The numbers as little-endian single precision. */
const toBase64 = (numbers: ReadonlyArray<number>): string => {
  const bytes = new DataView(new ArrayBuffer(numbers.length * 4))
  for (const [index, number] of numbers.entries()) bytes.setFloat32(index * 4, number, true)
  return Base64.encode(new Uint8Array(bytes.buffer))
}
