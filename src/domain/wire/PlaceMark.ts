/**
 * The entry in a request's `metadata` that tells apart equal requests at different places of a program.
 *
 * OpenRouter's response cache goes by the bytes of a body: with its place in it, only the repeat of that very call can be
 * answered from there, and two characters with the same prompt get two answers. The server repeats it in its answer, where it
 * is taken out again before anybody sees it.
 *
 * @since 0.1.0
 */
import { isJsonObject } from "./Json.ts"
import type { JsonObject } from "./Json.ts"

/**
 * The name of the entry.
 *
 * @since 0.1.0
 */
export const name = "effect-openrouter-place"

/** OpenRouter accepts so many pairs. */
const maxPairs = 16

/**
 * True if a request has room for the entry.
 *
 * @since 0.1.0
 */
export const fits = (metadata: { readonly [name: string]: string } | undefined): boolean =>
  metadata === undefined || Object.keys(metadata).length < maxPairs

/**
 * A response without the entry: the same object if it has none.
 *
 * @since 0.1.0
 */
export const without = (response: JsonObject): JsonObject => {
  const metadata = response["metadata"]
  if (!isJsonObject(metadata) || !(name in metadata)) return response
  const { [name]: _, ...others } = metadata
  return { ...response, metadata: Object.keys(others).length === 0 ? null : others }
}
