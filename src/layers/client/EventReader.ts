/**
 * From the bytes of a stream to its events.
 *
 * @since 0.1.0
 */
import * as Bytes from "effect/Bytes"
import * as Sse from "effect/encoding/Sse"
import * as StreamEvent from "../../domain/stream/StreamEvent.ts"

/** An image may come as one event, so the limit is far above the 10 MiB that are usual. */
const maxEventSize = 64 * 1024 * 1024

/**
 * Reads the events of one stream, in whatever pieces its bytes arrive.
 *
 * Comments and `retry:` lines are left out, and everything from the `[DONE]` marker on. What is not JSON is an unknown
 * event that says so. An event that may become an error, or part of one, is passed through `scrub` first. A body that
 * begins with a brace is no stream but a JSON answer under its name: it has no events.
 *
 * @since 0.1.0
 */
export class EventReader {
  readonly #decoder = new TextDecoder()
  readonly #parser: ReturnType<typeof Sse.makeParser>
  #events: Array<StreamEvent.StreamEvent> = []
  #json: Array<string> | undefined
  #jsonSize = 0
  #hasBegun = false
  #isDone = false
  #problem: string | undefined

  readonly #maxJson: number

  constructor(scrub: (text: string) => string, maxJson: number) {
    this.#maxJson = maxJson
    this.#parser = Sse.makeParser((event) => {
      if (event._tag !== "Event" || event.data === "" || this.#isDone) return
      if (event.data === "[DONE]") this.#isDone = true
      else this.#events.push(decode(event.data, scrub))
    }, { maxEventSize })
  }

  /** The events that these bytes complete, none if they complete none. */
  read(chunks: ReadonlyArray<Uint8Array>): ReadonlyArray<StreamEvent.StreamEvent> {
    return this.#feed(this.#decoder.decode(joined(chunks), { stream: true }))
  }

  /** The event that only lacked its closing blank line when the bytes ended, if it is whole. */
  end(): ReadonlyArray<StreamEvent.StreamEvent> {
    const last = this.#decoder.decode()
    return this.#json === undefined
      ? this.#feed(`${last}\n\n`).filter((event) => event.type !== "unknown" || event.wireType !== "")
      : this.#feed(last)
  }

  #feed(text: string): ReadonlyArray<StreamEvent.StreamEvent> {
    if (!this.#hasBegun) {
      const start = text.trimStart()
      this.#hasBegun = start !== ""
      if (start.startsWith("{")) this.#json = []
    }
    if (this.#json !== undefined) {
      this.#jsonSize += text.length
      if (this.#jsonSize <= this.#maxJson) this.#json.push(text)
      else this.#problem ??= `a JSON answer of more than ${this.#maxJson} characters`
      return []
    }
    this.#problem ??= this.#parser.feed(text)?.message
    const events = this.#events
    this.#events = []
    return events
  }

  /** True once the marker of the end was there. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Why the stream cannot be read on, once it cannot. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** The JSON answer that the body is instead of a stream, as far as it has arrived. */
  get json(): string | undefined {
    return this.#json === undefined ? undefined : this.#json.join("")
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
  // What may become an error, or part of one. What a model said is left as it is.
  if (!("response" in event) && !StreamEvent.isTerminal(event) || event.type === "response.completed") return event
  const scrubbed = scrub(data)
  return scrubbed === data ? event : StreamEvent.decode(JSON.parse(scrubbed))
}
