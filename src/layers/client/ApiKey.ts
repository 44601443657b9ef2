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
