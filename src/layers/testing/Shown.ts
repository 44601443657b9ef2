/**
 * Requests, replies and answers in words, for the messages of tests.
 *
 * A test shows what it asked and what it got, prompts included: these texts are for the person who reads a failing test,
 * and for no log.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import type { OpenRouterError } from "../../domain/error/OpenRouterError.ts"
import * as Usd from "../../domain/money/Usd.ts"
import type { Outcome } from "../../domain/outcome/Outcome.ts"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import { isAnswer, isError, isOutcome, isPause, isTextStream, isToolCall } from "./TestReply.ts"

const maxText = 200

const clipped = (text: string, max = maxText): string =>
  text.length <= max ? text : `${text.slice(0, max)}… (${text.length} characters)`

/**
 * Any value on one line: an amount as money, an instant as ISO text, an error and an outcome by their tags, and everything
 * else as JSON, which is cut where it is long.
 *
 * @since 0.1.0
 */
export const value = (u: unknown): string => {
  if (Usd.isUsd(u)) return Usd.format(u)
  if (DateTime.isDateTime(u)) return DateTime.formatIso(DateTime.toUtc(u))
  if (Duration.isDuration(u)) return Duration.format(u)
  if (isError(u)) return errorText(u)
  if (isOutcome(u)) return outcomeText(u)
  if (typeof u === "string") return JSON.stringify(clipped(u))
  if (typeof u === "function") return "a function"
  if (Predicate.isError(u)) return `${u.name}: ${u.message}`
  return clipped(jsonOf(u))
}

const jsonOf = (u: unknown): string => {
  try {
    return JSON.stringify(u, (_, inner: unknown) => typeof inner === "bigint" ? String(inner) : inner) ?? String(u)
  } catch {
    return String(u)
  }
}

const errorText = (error: OpenRouterError): string =>
  error.message === "" ? error._tag : `${error._tag} (${clipped(error.message)})`

const outcomeText = (outcome: Outcome): string => {
  const cost = outcome.cost === undefined ? "" : `, ${Usd.format(outcome.cost)}`
  return `${outcome._tag} (${said(outcome)}${cost})`
}

const said = (outcome: Outcome): string => {
  switch (outcome._tag) {
    case "Completed": {
      const calls = outcome.functionCalls.map(({ arguments: args, name }) => `calls ${name}(${clipped(args)})`)
      return [...(outcome.text === "" ? [] : [value(outcome.text)]), ...calls].join(", ") || "no text"
    }
    case "Incomplete":
      return `${outcome.reason}, ${value(outcome.partialText)}`
    case "Refused":
      return value(outcome.refusal)
    case "Failed":
      return clipped(outcome.error.message)
    case "Empty":
      return "nothing"
  }
}

/**
 * A reply of a script on one line.
 *
 * @since 0.1.0
 */
export const reply = (u: unknown): string => {
  if (isAnswer(u)) {
    const parts = [
      ...(u.value !== undefined ? [value(u.value)] : u.text !== undefined ? [value(u.text)] : []),
      ...(u.calls ?? []).map(reply)
    ]
    return parts.join(" and ") || "an answer without text"
  }
  if (isToolCall(u)) return `a call of ${u.name}(${clipped(u.arguments)})`
  if (isTextStream(u)) return `a stream of ${u.pieces.filter((piece) => !isPause(piece)).map(reply).join(", ")}`
  return value(u)
}

/**
 * A request on a few lines: the model, what is said by whom, the tools and the schema, and its settings.
 *
 * @since 0.1.0
 */
export const request = (request: CreateResponse): string => {
  const { input, instructions, model, models, text, tools, ...settings } = request
  const format = text?.format
  const answer = format === undefined ? undefined : "name" in format ? `${format.type} ${format.name}` : format.type
  const { format: _, ...textSettings } = text ?? {}
  return [
    model ?? models?.join(", ") ?? "(no model)",
    ...(instructions === undefined ? [] : [`  instructions: ${value(instructions)}`]),
    ...(typeof input === "string" ? [`  input: ${value(input)}`] : (input ?? []).map((item) => `  ${itemText(item)}`)),
    ...(tools === undefined ? [] : [`  tools: ${tools.map(toolText).join(", ")}`]),
    ...(answer === undefined ? [] : [`  answer: ${answer}`]),
    ...Object.entries({ ...settings, ...textSettings }).flatMap(([name, setting]) =>
      setting === undefined ? [] : [`  ${name}: ${value(setting)}`]
    )
  ].join("\n")
}

const toolText = (tool: object): string => "name" in tool ? String(tool.name) : "type" in tool ? String(tool.type) : "?"

const itemText = (item: object): string => {
  const fields: { readonly [key: string]: unknown } = { ...item }
  const { arguments: args, callId, content, name, output, role, type } = fields
  if (role !== undefined && content !== undefined) return `${String(role)}: ${contentText(content)}`
  if (type === "function_call") return `call ${String(callId)}: ${String(name)}(${clipped(String(args))})`
  if (type === "function_call_output") return `result of ${String(callId)}: ${contentText(output)}`
  return clipped(jsonOf(item))
}

const contentText = (content: unknown): string =>
  Array.isArray(content)
    ? content.map((part: unknown) => Predicate.hasProperty(part, "text") ? value(part.text) : value(part)).join(" ")
    : value(content)
