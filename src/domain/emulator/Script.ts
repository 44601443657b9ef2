/**
 * A stream as a script for a transport: which bytes to send, how long to wait, and whether to break the connection.
 *
 * The script is lazy, so that a slow reader holds up its making, and it starts anew whenever it is iterated.
 *
 * @since 0.1.0
 */
import { type Event, isDelta, isTerminal, lazily } from "./Events.ts"
import type { JsonObject } from "./Prompt.ts"
import type { Form } from "./Streaming.ts"

/**
 * One step of a script; its end is the end of the body.
 *
 * - `Bytes`: one chunk. `complete` says that with it everything has been sent that a client needs.
 * - `Wait`: a pause in milliseconds, perhaps `Infinity`.
 * - `Reset`: the connection breaks.
 *
 * @since 0.1.0
 */
export type Action =
  | { readonly _tag: "Bytes"; readonly bytes: Uint8Array; readonly complete: boolean }
  | { readonly _tag: "Wait"; readonly millis: number }
  | { readonly _tag: "Reset" }

/**
 * What may be put around the events: text in front of them, and the share of the bytes that is sent.
 *
 * @since 0.1.0
 */
export interface Frame {
  readonly padding?: string
  readonly keep?: number
}

/**
 * The script of a stream of events.
 *
 * @since 0.1.0
 */
export const ofEvents = (
  events: Iterable<Event>,
  form: Form,
  frame: Frame = {},
  toWire: () => ToWire = itself
): Iterable<Action> => {
  const pieces = lazily(() => piecesOf(events, form, frame.padding, toWire()))
  return scripted(pieces, form, frame)
}

/**
 * What is sent for an event: itself, unless the endpoint has chunks of its own. It may count, and is made anew for each run
 * of a script.
 *
 * @since 0.1.0
 */
export type ToWire = (event: Event) => ReadonlyArray<JsonObject>

const itself = (): ToWire => (event) => [event]

/**
 * The script of a body that is sent as it is, for example a recorded stream.
 *
 * @since 0.1.0
 */
export const ofText = (text: string, form: Form, frame: Frame = {}): Iterable<Action> => {
  const pieces: ReadonlyArray<Piece> = [{ _tag: "Text", text: (frame.padding ?? "") + text, complete: true }]
  return scripted(pieces, form, frame)
}

/**
 * The script of a body that is sent so many bytes at a time, with a pause of so many milliseconds between them.
 *
 * @since 0.1.0
 */
export const dripping = (text: string, size: number, millis: number): Iterable<Action> =>
  lazily(function*(): Generator<Action> {
    const bytes = encoder.encode(text)
    const step = Math.max(1, Math.floor(size))
    for (let start = 0; start < bytes.length; start += step) {
      if (start > 0) yield { _tag: "Wait", millis }
      yield { _tag: "Bytes", bytes: bytes.subarray(start, start + step), complete: start + step >= bytes.length }
    }
  })

const scripted = (pieces: Iterable<Piece>, form: Form, { keep }: Frame): Iterable<Action> =>
  lazily(() => chunked(limited(pieces, form, limitOf(pieces, form, keep)), form))

type Piece =
  | { readonly _tag: "Text"; readonly text: string; readonly complete: boolean }
  | { readonly _tag: "Wait"; readonly millis: number }
  | { readonly _tag: "Reset" }

const text = (text: string, complete = false): Piece => ({ _tag: "Text", text, complete })

const commentOf = ({ keepAlive, newline }: Form): Piece => text(`: ${keepAlive.text}${newline}${newline}`)

const wait = (millis: number): Piece => ({ _tag: "Wait", millis })

function* piecesOf(
  events: Iterable<Event>,
  form: Form,
  padding: string | undefined,
  toWire: ToWire
): Generator<Piece> {
  const { keepAlive, newline } = form
  const comment = commentOf(form)
  let count = 0
  let deltas = 0
  if (padding !== undefined) yield text(padding)
  if (form.retry !== undefined) yield text(`retry: ${form.retry}${newline}${newline}`)
  for (let i = 0; i < keepAlive.before; i++) yield comment
  // An empty chunk sends the headers before the pause.
  if (form.firstDelay > 0) yield text("")
  yield* pause(form.firstDelay, form, comment)
  if (isReached(form, count, deltas)) return yield* over(form)
  for (const event of events) {
    if (count > 0) {
      yield* pause(form.eventDelay, form, comment)
      if (count % keepAlive.every === 0) yield comment
    }
    const told = toWire(event)
    if (told.length > 0) {
      yield text(told.map((document) => framed(document, count, form)).join(""), isTerminal(event))
    }
    count += 1
    if (isDelta(event)) deltas += 1
    if (isReached(form, count, deltas)) return yield* over(form)
  }
  if (form.done) yield text(`data: [DONE]${newline}${newline}`)
}

const framed = (document: JsonObject, count: number, { brokenEvent, eventLines, newline }: Form): string => {
  const json = JSON.stringify(document)
  const data = count === brokenEvent ? json.slice(0, Math.floor(json.length / 2)) : json
  const { type } = document
  return `${eventLines && typeof type === "string" ? `event: ${type}${newline}` : ""}data: ${data}${newline}${newline}`
}

/** A pause in which comments go on. */
function* pause(millis: number, { keepAlive: { interval } }: Form, comment: Piece): Generator<Piece> {
  let left = millis
  for (; left > interval; left -= interval) {
    yield wait(interval)
    yield comment
  }
  if (left > 0) yield wait(left)
}

/** True where a stream ends by events or deltas; bytes are counted where there are bytes. */
const isReached = ({ ending }: Form, events: number, deltas: number): boolean => {
  if (ending === undefined || ending._tag === "NoTerminal" || ending._tag === "Error") return false
  const { after } = ending
  return "events" in after ? events >= after.events : "deltas" in after ? deltas >= after.deltas : false
}

/** What comes at the place where a stream ends badly. */
function* over(form: Form): Generator<Piece> {
  const { ending, stallComments } = form
  if (ending?._tag === "Reset") yield { _tag: "Reset" }
  if (ending?._tag !== "Stall") return
  for (;;) {
    yield wait(stallComments)
    yield commentOf(form)
  }
}

/** After how many bytes the stream ends, and whether that is where its ending applies. */
interface Limit {
  readonly bytes: number
  readonly isEnding: boolean
}

const limitOf = (pieces: Iterable<Piece>, { ending }: Form, keep: number | undefined): Limit => {
  const isEndingByPlace = ending !== undefined && ending._tag !== "NoTerminal" && ending._tag !== "Error"
  const bytes = isEndingByPlace && "bytes" in ending.after ? Math.max(0, ending.after.bytes) : Infinity
  // A stream that goes on for ever has no share that could be sent.
  if (keep === undefined || keep >= 1 || ending?._tag === "Stall") return { bytes, isEnding: true }
  let total = 0
  for (const piece of pieces) if (piece._tag === "Text") total += encoder.encode(piece.text).length
  const kept = Math.floor(total * Math.max(0, keep))
  return kept < bytes ? { bytes: kept, isEnding: false } : { bytes, isEnding: true }
}

const encoder = new TextEncoder()

const encode = (piece: Piece): Action =>
  piece._tag === "Text" ? { _tag: "Bytes", bytes: encoder.encode(piece.text), complete: piece.complete } : piece

/** Turns text into bytes, as far as the limit allows. */
function* limited(pieces: Iterable<Piece>, form: Form, limit: Limit): Generator<Action> {
  let left = limit.bytes
  for (const piece of pieces) {
    const action = encode(piece)
    if (action._tag !== "Bytes" || action.bytes.length < left) {
      yield action
      if (action._tag === "Bytes") left -= action.bytes.length
      continue
    }
    const bytes = action.bytes.subarray(0, left)
    yield { _tag: "Bytes", bytes, complete: action.complete && bytes.length === action.bytes.length }
    if (!limit.isEnding) return
    for (const last of over(form)) yield encode(last)
    return
  }
}

/** Divides the bytes into chunks. Nothing is held back during a pause. */
function* chunked(actions: Iterable<Action>, { chunkBytes, eventsPerChunk }: Form): Generator<Action> {
  let buffer = new Uint8Array(0)
  let count = 0
  for (const action of actions) {
    if (action._tag !== "Bytes") {
      if (buffer.length > 0) yield { _tag: "Bytes", bytes: buffer, complete: false }
      buffer = new Uint8Array(0)
      count = 0
      yield action
      continue
    }
    buffer = joined(buffer, action.bytes)
    count += 1
    if (chunkBytes !== undefined) {
      let start = 0
      for (; buffer.length - start > chunkBytes; start += chunkBytes) {
        yield { _tag: "Bytes", bytes: buffer.subarray(start, start + chunkBytes), complete: false }
      }
      buffer = buffer.slice(start)
    }
    if (action.complete || action.bytes.length === 0 || (chunkBytes === undefined && count >= eventsPerChunk)) {
      yield { _tag: "Bytes", bytes: buffer, complete: action.complete }
      buffer = new Uint8Array(0)
      count = 0
    }
  }
  if (buffer.length > 0) yield { _tag: "Bytes", bytes: buffer, complete: false }
}

const joined = (first: Uint8Array<ArrayBuffer>, second: Uint8Array): Uint8Array<ArrayBuffer> => {
  const all = new Uint8Array(first.length + second.length)
  all.set(first)
  all.set(second, first.length)
  return all
}
