/**
 * Where a picture, a document, a sound or a film comes from: a URL, a data URL, or base64 data; and how to make them of bytes.
 *
 * @since 0.1.0
 */
import * as Base64 from "effect/encoding/Base64"
import * as Schema from "effect/Schema"

/**
 * Bytes as a data URL, which holds them whole: `data:image/png;base64,…`.
 *
 * @since 0.1.0
 */
export const dataUrl = (bytes: Uint8Array, mediaType: string): string =>
  `data:${mediaType};base64,${Base64.encode(bytes)}`

/** How base64 begins of PDF, PNG, JPEG, GIF, RIFF (WebP and WAV), and ZIP (Office documents). */
const wellKnown = /^(?:JVBERi|iVBORw|\/9j\/|R0lGOD|UklGR|UEsDB)/

const isBase64 = (text: string): boolean => wellKnown.test(text) || /^[A-Za-z0-9+/]{64}/.test(text)

/** Why no server could take this for a URL, or `undefined`. Only the beginning is looked at: a data URL may be large. */
const misread = (link: string, helper: string): string | undefined => {
  if (/^data:/i.test(link)) {
    return /^data:[^,]{1,256};base64,/i.test(link)
      ? undefined
      : "must be data:<media type>;base64,<data> if it is a data URL"
  }
  if (isBase64(link)) return `needs data:<media type>;base64, in front of its base64; ${helper} makes that from bytes`
  // A scheme of one letter is a drive of Windows.
  const [, scheme = ""] = /^([a-z][a-z0-9+.-]+):/i.exec(link) ?? []
  return scheme === "" || /^(?:file|blob)$/i.test(scheme)
    ? `must be a URL that a server can fetch, or a data URL; ${helper} makes one from the bytes of a file of yours`
    : undefined
}

/**
 * Schema of a link that the server can follow, in a request that is made by hand. `helper` is what makes one from bytes.
 *
 * @since 0.1.0
 */
export const MediaLink = (helper: string): Schema.String =>
  Schema.String.check(Schema.makeFilter((link: string) => misread(link, helper), {
    expected: "a URL or a data URL",
    arbitraryConstraint: { patterns: [{ source: "^https://example\\.(?:com|org)/[a-z0-9]{1,8}$", flags: "" }] }
  }))

/**
 * Schema of base64 data without anything around it. Only the beginning is looked at.
 *
 * @since 0.1.0
 */
export const Base64Data: Schema.String = Schema.String.check(Schema.makeFilter(
  (data: string) =>
    /^[A-Za-z0-9+/=_\s-]*$/.test(data.slice(0, 256))
      ? undefined
      : "must be base64 and nothing else: no URL, no data URL, no path; Input.audioBytes makes it from bytes",
  {
    expected: "base64 data",
    arbitraryConstraint: { patterns: [{ source: "^[A-Za-z0-9+/]{4,16}$", flags: "" }] }
  }
))
