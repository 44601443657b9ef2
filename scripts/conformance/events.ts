/**
 * Checks of the official examples of stream events.
 */
import * as Exit from "effect/Exit"
import * as SchemaParser from "effect/SchemaParser"
import { isDeepStrictEqual } from "node:util"
import * as StreamEvent from "../../src/domain/stream/StreamEvent.ts"
import { unknownPart } from "./items.ts"
import type { Report } from "./report.ts"
import { forget, type Spec, withoutNulls } from "./spec.ts"

const encode = SchemaParser.encodeUnknownExit(StreamEvent.StreamEvent)

const decode = SchemaParser.decodeUnknownExit(StreamEvent.StreamEvent)

/** What is wrong with an event: typed, decoded alike on the fast way, and encoded as it came. */
const problemOf = (type: string, json: unknown): string | undefined => {
  const event = StreamEvent.decode(json)
  if (event.type !== type) return `is read as ${event.type} ${event.type === "unknown" ? event.issue ?? "" : ""}`
  const unknown = unknownPart(event)
  if (unknown !== undefined) return unknown
  const bySchema = decode(json)
  if (!Exit.isSuccess(bySchema) || !isDeepStrictEqual(bySchema.value, event)) return "is read otherwise by its schema"
  const encoded = encode(event)
  return Exit.isSuccess(encoded) && isDeepStrictEqual(encoded.value, json) ? undefined : "does not come back as it was"
}

/** True if a copy of the event that forgot its JSON is encoded as it came. */
const comesBackFromCopy = (json: unknown): boolean => {
  const copy = encode(forget(StreamEvent.decode(json)))
  return Exit.isSuccess(copy) && isDeepStrictEqual(withoutNulls(copy.value), withoutNulls(json))
}

/** Every official example of an event has a typed arm and comes back as it was. */
export const checkStreamEvents = (spec: Spec, report: Report) => {
  const examples = Object.entries(spec.streamEvents)
  for (const [type, json] of examples) report.check(`example of ${type}`, problemOf(type, json))
  const copies = examples.filter(([, json]) => comesBackFromCopy(json))
  report.note(
    `${copies.length} of ${examples.length} examples of events also come back from a copy without their JSON`
  )
}
