/**
 * An answer of OpenRouter as the parts of `effect/ai`.
 *
 * `LanguageModel` decodes what it is given, and throws the whole answer away if a part does not fit. So each part is made to
 * fit: metadata is plain JSON, tokens are whole numbers, URLs are URLs, and calls name tools that are there. What has no part
 * of its own is a `reasoning` part without text that keeps the item, so that the history goes back whole.
 *
 * @since 0.1.0
 */
import type * as Response from "effect/ai/Response"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as UsageOf from "../../domain/money/Usage.ts"
import type { Usage } from "../../domain/money/Usage.ts"
import type * as Outcome from "../../domain/outcome/Outcome.ts"
import type { Annotation } from "../../domain/response/ContentPart.ts"
import type { Message, OutputItem, Reasoning } from "../../domain/response/OutputItem.ts"
import type { Response as Answer } from "../../domain/response/Response.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as CallParts from "./CallParts.ts"
import type { CommonPart, Reading } from "./CallParts.ts"
import * as Metadata from "./Metadata.ts"
import { whole } from "./OpenRouterAiError.ts"

/**
 * The parts of a whole answer, in the order of its items. `objectText` is the JSON that stands for all of its text.
 *
 * @since 0.1.0
 */
export const fromOutcome = (
  outcome: Outcome.Outcome,
  reading: Reading,
  objectText?: string
): Array<Response.PartEncoded> => {
  const { response } = outcome
  const parts: Array<Response.PartEncoded> = [infoOf(response)]
  for (const [index, item] of distinct(response.output).entries()) {
    if (item.type === "message") {
      const isAnswer = item.phase !== "commentary"
      for (const { metadata, text } of textsOf(item)) {
        if (!isAnswer) parts.push({ type: "reasoning", text })
        else if (objectText === undefined) parts.push({ type: "text", text, metadata: { openrouter: metadata } })
      }
      if (!isAnswer) replaceLast(parts, item)
      parts.push(...sourcesOf(item, keyOf(item, response, index)))
    } else if (item.type === "reasoning") {
      parts.push({ type: "reasoning", text: reasoningText(item), metadata: CallParts.keeping(item) })
    } else {
      parts.push(
        ...CallParts.partsOf(item, keyOf(item, response, index), reading) ??
          [{ type: "reasoning" as const, text: "", metadata: CallParts.keeping(item) }]
      )
    }
  }
  if (objectText !== undefined) parts.push({ type: "text", text: objectText })
  parts.push(finish(outcome, reading))
  return parts
}

/** A commentary is work in progress and no part of the answer; its last part keeps it. */
const replaceLast = (parts: Array<Response.PartEncoded>, item: Message): void => {
  const last = parts.at(-1)
  if (last?.type === "reasoning" && last.metadata === undefined) parts.pop()
  const text = last?.type === "reasoning" && last.metadata === undefined ? last.text : ""
  parts.push({ type: "reasoning", text, metadata: CallParts.keeping(item) })
}

/** A message or a call that arrives twice under one id counts once, the longer of the two; reasoning may share an id. */
const distinct = (output: ReadonlyArray<OutputItem>): ReadonlyArray<OutputItem> => {
  const kept = new Map<unknown, OutputItem>()
  for (const item of output) {
    const id = item.type === "function_call" ? item.callId : item.type === "message" ? item.id : undefined
    const key = id === undefined || id === "" ? item : `${item.type} ${id}`
    if (JSON.stringify(item).length > JSON.stringify(kept.get(key) ?? "").length) kept.set(key, item)
  }
  return Array.from(kept.values())
}

/**
 * What tells the parts of an item from others, also those of other answers.
 *
 * @since 0.1.0
 */
export const keyOf = (item: OutputItem, response: Answer, index: number): string =>
  ("id" in item ? item.id : undefined) ?? `${response.id ?? "item"}_${index}`

/**
 * What is known of the response when it begins.
 *
 * @since 0.1.0
 */
export const infoOf = ({ createdAt, id, model }: Answer): Response.ResponseMetadataPartEncoded => ({
  type: "response-metadata",
  ...Wire.compact({ id, modelId: model, timestamp: timestamp(createdAt) })
})

const timestamp = (seconds: number | undefined): string | undefined =>
  seconds === undefined
    ? undefined
    : Option.getOrUndefined(Option.map(DateTime.make(seconds * 1000), DateTime.formatIso))

/**
 * The texts of a message, each with what is remembered of it. A refusal is an empty text that remembers its words.
 *
 * @since 0.1.0
 */
export const textsOf = (
  { content, id, phase }: Message
): ReadonlyArray<{ readonly text: string; readonly metadata: Metadata.Text }> =>
  content.flatMap((part) => {
    switch (part.type) {
      case "output_text":
        return [{ text: part.text, metadata: Wire.compact({ id, phase }) }]
      case "refusal":
        return [{ text: "", metadata: { ...Wire.compact({ id, phase }), refusal: part.refusal } }]
      default:
        return []
    }
  })

/**
 * The words of a reasoning item: its text, or its summary where the provider does not show the text.
 *
 * @since 0.1.0
 */
export const reasoningText = ({ content = [], summary = [] }: Reasoning): string =>
  content.map((part) => part.type === "reasoning_text" ? part.text : "").join("") ||
  summary.flatMap((part) => part.type === "summary_text" ? [part.text] : []).join("\n\n")

/**
 * What a message cites.
 *
 * @since 0.1.0
 */
export const sourcesOf = (message: Message, key: string): ReadonlyArray<CommonPart> =>
  message.content.flatMap((part) => part.type === "output_text" ? part.annotations ?? [] : [])
    .flatMap((annotation, index) => sourceOf(annotation, `${key}:${index}`))

const sourceOf = (annotation: Annotation, id: string): ReadonlyArray<CommonPart> => {
  switch (annotation.type) {
    case "url_citation": {
      const { content, endIndex, startIndex, title, url } = annotation
      if (!URL.canParse(url)) return []
      const metadata = { openrouter: Wire.compact({ startIndex, endIndex, content }) }
      return [{ type: "source", sourceType: "url", id, url, title: title ?? url, metadata }]
    }
    case "file_citation":
    case "container_file_citation": {
      const { fileId, filename } = annotation
      return [{
        type: "source",
        sourceType: "document",
        id,
        mediaType: "text/plain",
        title: filename ?? fileId,
        fileName: filename ?? fileId
      }]
    }
    case "file_path":
      return [{
        type: "source",
        sourceType: "document",
        id,
        mediaType: "application/octet-stream",
        title: annotation.fileId,
        fileName: annotation.fileId
      }]
    default:
      return []
  }
}

/**
 * The last part of an answer: why it ended, what it used, and what this provider knows of it.
 *
 * @since 0.1.0
 */
export const finish = (outcome: Outcome.Outcome, reading: Reading): Response.FinishPartEncoded => {
  const { attempts, cache, callCost, cost, generationId, model, response, usage } = outcome
  const unknown = CallParts.unknownCalls(response, reading).map(({ arguments: args, callId: id, name }) => ({
    id,
    name,
    arguments: args
  }))
  const router = response.openrouterMetadata
  return {
    type: "finish",
    reason: finishReason(outcome, reading),
    usage: usageOf(usage),
    metadata: {
      openrouter: {
        attempts,
        ...Wire.compact({
          cost: Metadata.amount(cost),
          callCost: Metadata.amount(callCost),
          upstreamCost: usage === undefined ? undefined : Metadata.amount(UsageOf.upstreamCost(usage)),
          generationId,
          model,
          provider: router?.endpoints?.available?.find((endpoint) => endpoint.selected === true)?.provider,
          serviceTier: response.serviceTier,
          cache: cache === undefined
            ? undefined
            : { status: cache.status, ...Wire.compact({ by: cache.by, age: cache.age, ttl: cache.ttl }) },
          refusal: outcome._tag === "Refused" ? outcome.refusal : undefined,
          incompleteReason: outcome._tag === "Incomplete" ? outcome.reason : undefined,
          unknownCalls: unknown.length === 0 ? undefined : unknown
        })
      }
    }
  }
}

/** `LanguageModel` runs the handlers of calls only after `stop` and `tool-calls`. */
const finishReason = (outcome: Outcome.Outcome, reading: Reading): typeof Response.FinishReason.Encoded => {
  switch (outcome._tag) {
    case "Completed":
      return outcome.functionCalls.some((call) => CallParts.isAnswerable(call, reading)) ? "tool-calls" : "stop"
    case "Incomplete":
      return outcome.reason === "max_output_tokens"
        ? "length"
        : outcome.reason === "content_filter"
        ? "content-filter"
        : "other"
    case "Refused":
      return "content-filter"
    case "Failed":
      return "error"
    case "Empty":
      return "stop"
  }
}

const usageOf = (usage: Usage | undefined): Response.FinishPartEncoded["usage"] => {
  const total = whole(usage?.inputTokens)
  const cacheRead = whole(usage?.inputTokensDetails?.cachedTokens)
  const output = whole(usage?.outputTokens)
  const reasoning = whole(usage?.outputTokensDetails?.reasoningTokens)
  return {
    inputTokens: Wire.compact({
      total,
      cacheRead,
      cacheWrite: whole(usage?.inputTokensDetails?.cacheWriteTokens),
      uncached: total === undefined ? undefined : Math.max(0, total - (cacheRead ?? 0))
    }),
    outputTokens: Wire.compact({
      total: output,
      reasoning,
      text: output === undefined ? undefined : Math.max(0, output - (reasoning ?? 0))
    })
  }
}
