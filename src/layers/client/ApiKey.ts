/**
 * What is done with an API key besides sending it: it is checked, told apart from others, and cut out of texts.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import { identity } from "effect/Function"
import * as Redacted from "effect/Redacted"
import * as Sha256 from "../../domain/wire/Sha256.ts"

/**
 * True if a text can be the value of a header.
 *
 * @since 0.1.0
 */
export const isHeaderText = (text: string): boolean => /^[\x20-\x7e]*$/.test(text)

/**
 * A name for the account of a key that does not tell the key: the first 12 hex digits of its SHA-256.
 *
 * @since 0.1.0
 */
export const account = (apiKey: Redacted.Redacted): string => Sha256.hex(Redacted.value(apiKey)).slice(0, 12)

const shortestSecret = 12

/**
 * Makes a function that cuts a key out of a text, should a server or a runtime repeat it; also as JSON may write it.
 *
 * @since 0.1.0
 */
export const scrubber = (apiKey: Redacted.Redacted): (text: string) => string => {
  const key = Redacted.value(apiKey)
  // A made-up key such as "test" is no secret, and a word of many answers.
  if (key.length < shortestSecret) return identity
  const inJson = JSON.stringify(key).slice(1, -1)
  const forms = Arr.dedupe([key, inJson, inJson.replaceAll("/", "\\/")])
  return (text) => forms.reduce((text, form) => text.includes(form) ? text.replaceAll(form, "<redacted>") : text, text)
}

/**
 * The headers of an answer without the key: all of them if it is an error, which may repeat what it was sent, else the
 * generation id alone, which becomes part of results. The same object if none has it.
 *
 * @since 0.1.0
 */
export const withoutKey = (
  headers: { readonly [name: string]: string | undefined },
  scrub: (text: string) => string,
  isError: boolean
): { readonly [name: string]: string | undefined } => {
  const id = headers["x-generation-id"]
  if (!isError) return id === undefined || scrub(id) === id ? headers : { ...headers, "x-generation-id": scrub(id) }
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value === undefined ? value : scrub(value)])
  )
}
