/**
 * What can be wrong with the events of a stream: faults that a client sees in the JSON, not in the bytes.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Answer from "./Answer.ts"
import { type Event, isDelta, isTerminal, lazily } from "./Events.ts"
import type { JsonObject } from "./Prompt.ts"
import * as Response from "./ResponseDocument.ts"
import type { ErrorEnding, Form } from "./Streaming.ts"

/**
 * Gives the events of a response their faults and their sequence numbers. `body` is the response object.
 *
 * @since 0.1.0
 */
export const apply = (events: Iterable<Event>, body: JsonObject, form: Form): Iterable<Event> => {
  const steps: Array<(events: Iterable<Event>) => Iterable<Event>> = []
  const { ending } = form
  if (ending?._tag === "Error") steps.push((events) => lazily(() => failing(events, body, ending)))
  if (ending?._tag === "NoTerminal") steps.push((events) => lazily(() => unfinished(events)))
  if (form.output === "empty") steps.push((events) => lazily(() => emptied(events)))
  if (form.unknownEvents < Infinity) {
    steps.push((events) => lazily(() => interspersed(events, Math.max(1, form.unknownEvents))))
  }
  steps.push((events) => lazily(() => numbered(events)))
  if (form.ids === "rotate") steps.push((events) => lazily(() => rotating(events)))
  return steps.reduce((events, step) => step(events), events)
}

function* failing(events: Iterable<Event>, body: JsonObject, ending: ErrorEnding): Generator<Event> {
  let left = ending.first === true ? 0 : Math.max(0, ending.after ?? 0)
  if (ending.first !== true) {
    for (const event of events) {
      // The two events about the beginning always come first, the failure at the latest before the last event.
      const isLifecycle = event.type === "response.created" || event.type === "response.in_progress"
      if (isTerminal(event) || (left === 0 && !isLifecycle)) break
      yield event
      if (isDelta(event)) left -= 1
    }
  }
  yield* failure(body, ending)
}

function* failure(body: JsonObject, ending: ErrorEnding): Generator<Event> {
  const message = ending.message ?? "The provider broke off."
  const errorType = ending.errorType ?? "server"
  const code = ending.code === undefined ? Answer.codeOf(errorType) : ending.code
  const error = { code, message }
  const failed: Event = {
    type: "response.failed",
    response: {
      ...Response.snapshot(body),
      status: "failed",
      error,
      error_type: errorType,
      usage: ending.usage === true ? body["usage"] : null
    }
  }
  switch (ending.form ?? "flat") {
    case "failed":
      yield failed
      break
    case "failed-short":
      yield {
        type: "response.failed",
        response: { id: body["id"], status: "failed", error, error_type: errorType },
        ...unnumbered
      }
      break
    case "response-error":
      yield { type: "response.error", error, ...unnumbered }
      break
    case "flat":
      yield { type: "error", ...error, param: null }
      break
    case "nested":
      yield { type: "error", error }
      break
    case "nested-then-failed":
      yield { type: "error", error }
      yield failed
      break
  }
}

/** Marks an event that is seen without a sequence number; JSON leaves the field out. */
const unnumbered = { sequence_number: undefined }

function* unfinished(events: Iterable<Event>): Generator<Event> {
  for (const event of events) {
    if (!isTerminal(event)) yield event
  }
}

function* emptied(events: Iterable<Event>): Generator<Event> {
  for (const event of events) {
    const { response } = event
    yield isTerminal(event) && Predicate.isObject(response)
      ? { ...event, response: { ...response, output: [] } }
      : event
  }
}

function* interspersed(events: Iterable<Event>, every: number): Generator<Event> {
  let count = 0
  for (const event of events) {
    yield event
    count += 1
    if (count % every !== 0 || isTerminal(event)) continue
    yield (count / every) % 2 === 1
      ? { type: "response.emulator.novelty", novelty: { count }, output_index: 0, item_id: "nv_tmp_1" }
      : { type: "keepalive" }
  }
}

function* numbered(events: Iterable<Event>): Generator<Event> {
  let sequence_number = 0
  for (const event of events) {
    yield "sequence_number" in event ? event : { ...event, sequence_number }
    sequence_number += 1
  }
}

function* rotating(events: Iterable<Event>): Generator<Event> {
  let turn = 0
  for (const event of events) {
    const { item, item_id, response } = event
    yield {
      ...event,
      ...(typeof item_id === "string" && { item_id: rotated(item_id, turn) }),
      ...(Predicate.isObject(item) && { item: withId(item, turn) }),
      ...(Predicate.isObject(response) && {
        response: {
          ...withId(response, turn),
          ...(Array.isArray(response["output"]) && {
            output: response["output"].map((item) => Predicate.isObject(item) ? withId(item, turn) : item)
          })
        }
      })
    }
    turn += 1
  }
}

const rotated = (id: string, turn: number): string => `${id}${turn.toString(36).padStart(3, "0")}`

const withId = (object: JsonObject, turn: number): JsonObject =>
  typeof object["id"] === "string" ? { ...object, id: rotated(object["id"], turn) } : object
