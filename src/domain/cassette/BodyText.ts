/**
 * Bodies and chunks as a cassette keeps them: to be read and compared by people where that is possible, and in any case so
 * that the very same bytes come back.
 *
 * @since 0.1.0
 */
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * A body: as `json` where writing that JSON gives the same text again, as `text` otherwise. Neither: there is none.
 *
 * @since 0.1.0
 */
export interface Body {
  readonly json?: Schema.Json
  readonly text?: string
}

/**
 * A piece of a stream: `data` is an event with nothing but that JSON, `text` any whole characters, `base64` anything else.
 * `at` is when it came, in milliseconds since the request.
 *
 * @since 0.1.0
 */
export const Chunk = Schema.Struct({
  at: Schema.optionalKey(Schema.Finite),
  data: Schema.optionalKey(Schema.Json),
  text: Schema.optionalKey(Schema.String),
  base64: Schema.optionalKey(Schema.String)
})

/**
 * @since 0.1.0
 */
export type Chunk = typeof Chunk.Type

/**
 * The JSON that a text is; `undefined` if it is none.
 *
 * @since 0.1.0
 */
export const parse = (text: string): Schema.Json | undefined => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The JSON of a text that is written in no other way, so that the text can be made of it again. */
const exact = (text: string): Schema.Json | undefined => {
  const json = parse(text)
  return json !== undefined && JSON.stringify(json) === text ? json : undefined
}

/**
 * A body of its text.
 *
 * @since 0.1.0
 */
export const ofText = (text: string): Body => {
  const json = exact(text)
  return json === undefined ? { text } : { json }
}

/**
 * The text of a body; `undefined` where there is none.
 *
 * @since 0.1.0
 */
export const toText = ({ json, text }: Body): string | undefined =>
  text ?? (json === undefined ? undefined : JSON.stringify(json))

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * The characters of bytes; `undefined` where they begin or end in the middle of one.
 *
 * @since 0.1.0
 */
export const decoded = (bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

const event = /^data: (.*)\n\n$/

/**
 * A chunk of its bytes.
 *
 * @since 0.1.0
 */
export const ofBytes = (bytes: Uint8Array, at: number | undefined): Chunk => {
  const time = at === undefined ? {} : { at }
  const text = decoded(bytes)
  if (text === undefined) return { ...time, base64: Base64.encode(bytes) }
  const data = exact(event.exec(text)?.[1] ?? "")
  return data === undefined ? { ...time, text } : { ...time, data }
}

const encoder = new TextEncoder()

/**
 * The bytes of a chunk. One that was written by hand and says nothing has none.
 *
 * @since 0.1.0
 */
export const toBytes = ({ base64, data, text }: Chunk): Uint8Array => {
  if (text !== undefined) return encoder.encode(text)
  if (data !== undefined) return encoder.encode(`data: ${JSON.stringify(data)}\n\n`)
  return Result.getOrElse(Base64.decode(base64 ?? ""), () => new Uint8Array())
}
