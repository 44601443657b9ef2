/**
 * How many tokens a request will use, as far as it can be told before it is sent.
 *
 * @since 0.1.0
 */
import type { CreateResponse } from "./CreateResponse.ts"

/**
 * What a request without `maxOutputTokens` is expected to answer at most.
 *
 * @since 0.1.0
 */
export const defaultOutputTokens = 4096

const encoder = /* @__PURE__ */ new TextEncoder()

/**
 * Tokens of the input, rounded up: one for two bytes of what the model reads, as UTF-8. Text in most languages has fewer;
 * images, files and audio are counted by their references or data alone.
 *
 * @since 0.1.0
 */
export const ofInput = ({ input, instructions, prompt, text, tools }: CreateResponse): number =>
  Math.ceil(encoder.encode(JSON.stringify([input, instructions, prompt, text, tools])).length / 2)

/**
 * Tokens in and out together.
 *
 * @since 0.1.0
 */
export const ofRequest = (request: CreateResponse): number =>
  ofInput(request) + (request.maxOutputTokens ?? defaultOutputTokens)
