/**
 * From the bytes of a stream to its events.
 *
 * @since 0.1.0
 */
import * as Bytes from "effect/Bytes"
import * as Sse from "effect/encoding/Sse"
import * as StreamEvent from "../../domain/stream/StreamEvent.ts"

/**
 * Reads the events of one stream, in whatever pieces its bytes arrive.
 *
 * @since 0.1.0
 */
export interface EventReader {
  /** The events that these bytes complete, none if they complete none. */
  readonly read: (chunks: ReadonlyArray<Uint8Array>) => ReadonlyArray<StreamEvent.StreamEvent>
  /** The event that only lacked its closing blank line when the bytes ended, if it is whole. */
  readonly end: () => ReadonlyArray<StreamEvent.StreamEvent>
  /** Why the stream cannot be read on, once it cannot. */
  readonly problem: () => string | undefined
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
  let problem: string | undefined
  const parser = Sse.makeParser((event) => {
    if (event._tag === "Event" && event.data !== "" && event.data !== "[DONE]") events.push(decode(event.data, scrub))
  }, { maxEventSize })
  const taken = (): ReadonlyArray<StreamEvent.StreamEvent> => {
    const read = events
    events = []
    return read
  }
  return {
    read: (chunks) => {
      problem ??= parser.feed(decoder.decode(joined(chunks), { stream: true }))?.message
      return taken()
    },
    end: () => {
      problem ??= parser.feed(`${decoder.decode()}\n\n`)?.message
      return taken().filter((event) => event.type !== "unknown" || event.wireType !== "")
    },
    problem: () => problem
  }
}

/** One read of a socket may bring hundreds of small chunks. */
const joined = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [first] = chunks
  return first !== undefined && chunks.length === 1 ? first : Bytes.concat(chunks)
}

const decode = (data: string, scrub: (text: string) => string): StreamEvent.StreamEvent => {
  let json: unknown
  try {
    json = JSON.parse(data)
  } catch {
    return { type: "unknown", wireType: "", raw: data, issue: "the event is not JSON" }
  }
  const event = StreamEvent.decode(json)
  if (!StreamEvent.isTerminal(event) || event.type === "response.completed") return event
  const scrubbed = scrub(data)
  return scrubbed === data ? event : StreamEvent.decode(JSON.parse(scrubbed))
}
