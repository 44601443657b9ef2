/**
 * From what the emulator decided to an HTTP response: its own headers win, and a body is compressed as they say.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Stream from "effect/Stream"
import type { Decision } from "../../domain/emulator/Exchange.ts"

type Head = Pick<Extract<Decision, { readonly _tag: "Send" }>, "status" | "headers" | "contentType">

/**
 * How bodies leave: compressed over a port; as they are to a client in the same process, which has no need to undo it. Both
 * have the header, as it is with `fetch`.
 *
 * @since 0.1.0
 */
export type Compress = (body: Stream.Stream<Uint8Array, Error>, coding: string) => Stream.Stream<Uint8Array, Error>

/**
 * Leaves bodies as they are.
 *
 * @since 0.1.0
 */
export const uncompressed: Compress = (body) => body

const formats: ReadonlyMap<string, ConstructorParameters<typeof CompressionStream>[0]> = new Map([
  ["gzip", "gzip"],
  ["deflate", "deflate"],
  ["br", "brotli"]
])

/**
 * Compresses by what the runtime has: gzip and deflate, and Brotli on Node from 24.7. Other bodies stay as they are.
 *
 * With gzip every chunk of a stream can be read when it arrives, as a member of its own; with the others at the end.
 *
 * @since 0.1.0
 */
export const compressed: Compress = (body, coding) => {
  const format = formats.get(coding)
  if (format === undefined) return body
  return format === "gzip"
    ? Stream.flatMap(Stream.filter(body, (chunk) => chunk.length > 0), (chunk) => through(Stream.make(chunk), format))
    : through(body, format)
}

const through = (
  body: Stream.Stream<Uint8Array, Error>,
  format: ConstructorParameters<typeof CompressionStream>[0]
): Stream.Stream<Uint8Array, Error> =>
  Stream.fromReadableStream({
    evaluate: () => {
      const { readable, writable } = new CompressionStream(format)
      // What goes wrong with the body is what goes wrong with its reader.
      Stream.toReadableStream(Stream.map(body, (chunk) => new Uint8Array(chunk))).pipeTo(writable).catch(() => {})
      return readable
    },
    onError: (cause) => new Error("the body broke off", { cause })
  })

/**
 * Makes the response with this body.
 *
 * @since 0.1.0
 */
export const response = (
  head: Head,
  body: string | Stream.Stream<Uint8Array, Error>,
  compress: Compress
): HttpServerResponse.HttpServerResponse => {
  const named = (name: string) => Object.entries(head.headers).find(([key]) => key.toLowerCase() === name)?.[1]
  const options = {
    status: head.status,
    headers: head.headers,
    contentType: named("content-type") ?? head.contentType
  }
  if (head.status === 204) return HttpServerResponse.empty({ status: head.status, headers: head.headers })
  const coding = named("content-encoding")
  if (coding === undefined || compress === uncompressed) {
    return typeof body === "string" ? HttpServerResponse.text(body, options) : HttpServerResponse.stream(body, options)
  }
  const bytes = typeof body === "string" ? Stream.fromIterable(Arr.of(new TextEncoder().encode(body))) : body
  return HttpServerResponse.stream(compress(bytes, coding), options)
}
