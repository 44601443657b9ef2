/**
 * How many tokens a request will use, as far as it can be told before it is sent.
 *
 * @since 0.1.0
 */
import type { CreateResponse } from "./CreateResponse.ts"
import * as RequestSize from "./RequestSize.ts"

/**
 * What a request without `maxOutputTokens` is expected to answer at most.
 *
 * @since 0.1.0
 */
export const defaultOutputTokens = 4096

/**
 * Tokens in and out together; those of the input are counted as in {@link RequestSize.of}.
 *
 * @since 0.1.0
 */
export const ofRequest = (request: CreateResponse): number =>
  RequestSize.of(request).inputTokens + (request.maxOutputTokens ?? defaultOutputTokens)
