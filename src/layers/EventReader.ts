/**
 * From the bytes of a stream to its events.
 *
 * @since 0.1.0
 */
import * as Sse from "effect/encoding/Sse"
import * as StreamEvent from "../domain/StreamEvent.ts"

/**
 * Reads the events of one stream, in whatever pieces its bytes arrive.
 *
 * @since 0.1.0
 */
export interface EventReader {
  /** The events that these bytes complete, none if they complete none; or why the stream cannot be read on. */
  readonly read: (bytes: Uint8Array) => ReadonlyArray<StreamEvent.StreamEvent> | Sse.SseError
  /** The event that only lacked its closing blank line when the bytes ended, if it is whole. */
  readonly end: () => ReadonlyArray<StreamEvent.StreamEvent>
}

/** An image may come as one event, so the limit is far above the 10 MiB that are usual. */
const maxEventSize = 64 * 1024 * 1024

/**
 * Makes a reader.
 *
 * Comments, `retry:` lines and the `[DONE]` marker are left out. What is not JSON is an unknown event that says so. An
 * event that ends the stream is passed through `scrub` first, because it may become an error.
 *
 * @since 0.1.0
 */
export const make = (scrub: (text: string) => string): EventReader => {
  const decoder = new TextDecoder()
  let events: Array<StreamEvent.StreamEvent> = []
  const parser = Sse.makeParser((event) => {
    if (event._tag === "Event" && event.data !== "" && event.data !== "[DONE]") events.push(decode(event.data, scrub))
  }, { maxEventSize })
  const taken = (): ReadonlyArray<StreamEvent.StreamEvent> => {
    const read = events
    events = []
    return read
  }
  return {
    read: (bytes) => parser.feed(decoder.decode(bytes, { stream: true })) ?? taken(),
    end: () => {
      parser.feed(`${decoder.decode()}\n\n`)
      return taken().filter((event) => event.type !== "unknown" || event.wireType !== "")
    }
  }
}

const decode = (data: string, scrub: (text: string) => string): StreamEvent.StreamEvent => {
  let json: unknown
  try {
    json = JSON.parse(data)
  } catch {
    return { type: "unknown", wireType: "", raw: data, issue: "the event is not JSON" }
  }
  const event = StreamEvent.decode(json)
  if (!StreamEvent.isTerminal(event)) return event
  const scrubbed = scrub(data)
  return scrubbed === data ? event : StreamEvent.decode(JSON.parse(scrubbed))
}
