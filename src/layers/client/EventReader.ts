/**
 * From the bytes of a stream to its events.
 *
 * @since 0.1.0
 */
import * as Bytes from "effect/Bytes"
import * as Sse from "effect/encoding/Sse"
import * as StreamEvent from "../../domain/stream/StreamEvent.ts"
import * as Wire from "../../domain/wire/Wire.ts"

/**
 * How a stream is read.
 *
 * @since 0.1.0
 */
export interface Options {
  /** Makes a text fit to be shown. */
  readonly scrub: (text: string) => string
  /** False if the server calls the body something else than a stream of events; then its beginning decides. */
  readonly isDeclared: boolean
  /** How many bytes a body may have that is no stream. */
  readonly maxAnswerBytes: number
  /** How many characters an event may have, or a line of any kind. */
  readonly maxEventBytes: number
}

/** The beginning of every line that means something in a stream of events. */
const field = /^(?:data|event|id|retry|):|^(?:data|event|id|retry)[\r\n]/

/** It takes so many characters to see a {@link field}. */
const fieldLength = 6

/**
 * Reads the events of one stream, in whatever pieces its bytes arrive.
 *
 * Comments and `retry:` lines are left out, and everything from the `[DONE]` marker on. What is not JSON is an unknown
 * event that says so, unless its `event:` line calls it an error: then it is one, with these words. An event that may become
 * an error, or part of one, is passed through `scrub` first. A body that begins like JSON or HTML is no stream but an answer
 * under its name, and so is one that neither is declared as a stream nor begins like one: it has no events, but a text.
 *
 * @since 0.1.0
 */
export class EventReader {
  readonly #decoder = new TextDecoder()
  readonly #parser: ReturnType<typeof Sse.makeParser>
  readonly #options: Options
  #events: Array<StreamEvent.StreamEvent> = []
  /** The text of a body that is no stream. */
  #text: Array<string> | undefined
  #size = 0
  /** What has arrived while it is not clear yet what the body is. */
  #beginning: string | undefined = ""
  #isDone = false
  #problem: string | undefined

  constructor(options: Options) {
    const { maxEventBytes, scrub } = options
    this.#options = options
    this.#parser = Sse.makeParser((event) => {
      if (event._tag !== "Event" || event.data === "" || this.#isDone || this.#problem !== undefined) return
      if (event.data === "[DONE]") this.#isDone = true
      // The parser itself looks at the size of what is not complete.
      else if (event.data.length > maxEventBytes) this.#problem = `an event is larger than ${maxEventBytes} bytes`
      else this.#events.push(decode(event.data, scrub, event.event))
    }, { maxEventSize: maxEventBytes })
  }

  /** The events that these bytes complete, none if they complete none. */
  read(chunks: ReadonlyArray<Uint8Array>): ReadonlyArray<StreamEvent.StreamEvent> {
    const bytes = joined(chunks)
    if (this.#beginning !== undefined || this.#text !== undefined) this.#size += bytes.length
    return this.#feed(this.#decoder.decode(bytes, { stream: true }))
  }

  /** The event that only lacked its closing blank line when the bytes ended, if it is whole. */
  end(): ReadonlyArray<StreamEvent.StreamEvent> {
    const last = this.#decoder.decode()
    const { isDeclared } = this.#options
    // Nothing but white space, or too little to be a field.
    if (this.#beginning !== undefined && !isDeclared) this.#text = [this.#beginning]
    this.#beginning = undefined
    return this.#text === undefined
      ? this.#feed(`${last}\n\n`).filter((event) => event.type !== "unknown" || event.wireType !== "")
      : this.#feed(last)
  }

  #feed(text: string): ReadonlyArray<StreamEvent.StreamEvent> {
    if (this.#beginning !== undefined) return this.#begin(this.#beginning + text)
    if (this.#text !== undefined) {
      const { maxAnswerBytes } = this.#options
      if (this.#size <= maxAnswerBytes) this.#text.push(text)
      else this.#problem ??= `it is larger than ${maxAnswerBytes} bytes`
      return []
    }
    const error = this.#parser.feed(text)
    if (error !== undefined) this.#problem ??= `an event is larger than ${this.#options.maxEventBytes} bytes`
    const events = this.#events
    this.#events = []
    return events
  }

  /** Decides what the body is, once enough of it is there. White space in front keeps a connection alive. */
  #begin(text: string): ReadonlyArray<StreamEvent.StreamEvent> {
    const start = text.trimStart()
    const { isDeclared, maxAnswerBytes } = this.#options
    if (start.length < (isDeclared ? 1 : fieldLength) && this.#size <= maxAnswerBytes) {
      this.#beginning = start
      return []
    }
    this.#beginning = undefined
    if (/^[{[<"]/.test(start) || !isDeclared && !field.test(start)) this.#text = []
    return this.#feed(start)
  }

  /** True once the marker of the end was there. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Why the stream cannot be read on, once it cannot. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** The answer that the body is instead of a stream, as far as it has arrived. */
  get text(): string | undefined {
    return this.#text === undefined ? undefined : this.#text.join("")
  }
}

/** One read of a socket may bring hundreds of small chunks. */
const joined = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [first] = chunks
  return first !== undefined && chunks.length === 1 ? first : Bytes.concat(chunks)
}

const decode = (data: string, scrub: (text: string) => string, name: string): StreamEvent.StreamEvent => {
  let json: unknown
  try {
    json = JSON.parse(data)
  } catch {
    return name === "error"
      ? StreamEvent.decode(spoken(scrub(data)))
      : { type: "unknown", wireType: "", raw: data, issue: "the event is not JSON" }
  }
  const event = StreamEvent.decode(json)
  if (event.type === "unknown" && event.wireType === "" && name === "error") {
    return StreamEvent.decode(Wire.isJsonObject(json) ? unsaid(json, scrub) : spoken(scrub(`${json}`)))
  }
  // What may become an error, or part of one. What a model said is left as it is.
  if (!("response" in event) && !StreamEvent.isTerminal(event) || event.type === "response.completed") return event
  const scrubbed = scrub(data)
  return scrubbed === data ? event : StreamEvent.decode(JSON.parse(scrubbed))
}

/** An error that only its `event:` line calls so. */
const unsaid = (json: Wire.JsonObject, scrub: (text: string) => string): unknown =>
  JSON.parse(scrub(JSON.stringify({ ...json, type: "error" })))

/** The words of something before the API, such as a proxy, which may be right the next time. */
const spoken = (message: string): Wire.JsonObject => ({ type: "error", code: "server_error", message })
