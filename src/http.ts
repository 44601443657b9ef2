/**
 * What a backend says to its own callers when a language model could not answer.
 *
 * @since 0.1.0
 */

export * as HttpError from "./layers/http/HttpError.ts"
