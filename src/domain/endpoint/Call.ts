/**
 * The plain endpoints of OpenRouter's API: one question, one typed answer.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { InvalidRequest, RequestError } from "../error/OpenRouterError.ts"
import type { Costs } from "../outcome/Costs.ts"
import * as HttpAnswer from "../outcome/HttpAnswer.ts"
import * as Lenient from "../wire/Lenient.ts"
import * as Wire from "../wire/Wire.ts"

/**
 * A question to a plain endpoint, and how to read its answer.
 *
 * @since 0.1.0
 */
export interface Call<A> {
  /** What ledgers and traces call it. */
  readonly name: string
  /** Below the API's URL, with its query. */
  readonly path: string
  /** The model that is asked for, where one is. */
  readonly model?: string | undefined
  /** The JSON body of a POST; a GET has none. Checked before anything is sent. */
  readonly body?: Result.Result<string, InvalidRequest>
  readonly read: (answer: HttpAnswer.HttpAnswer, context: HttpAnswer.Context) => Result.Result<A, RequestError>
  /** What the answer cost, for endpoints that bill. */
  readonly costs?: (value: A) => Costs
  /** How an answer is stored that was paid for, by journals. Without it none is. */
  readonly schema?: Schema.Codec<A, unknown>
}

/**
 * Makes a reader that leaves out what does not fit, of the `data` of an answer or of the whole of it.
 *
 * @since 0.1.0
 */
export const reader = <A>(
  schema: Schema.Codec<A, unknown>,
  options: { readonly from: "data" | "body" }
): Call<A>["read"] => {
  const decode = Lenient.decoder(Schema.Struct({ value: Schema.suspend(() => schema) }))
  return (answer, context) =>
    HttpAnswer.toJson(answer, context, (json) =>
      Result.map(
        decode({ value: options.from === "body" ? json : Wire.isJsonObject(json) ? json["data"] : undefined }),
        ({ value }) => value
      ))
}

/**
 * A path with those parameters that are given.
 *
 * @since 0.1.0
 */
export const withQuery = (
  path: string,
  parameters: { readonly [name: string]: string | number | boolean | undefined }
): string => {
  const query = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(Wire.snakeCase(name))}=${encodeURIComponent(value)}`]
  )
  return query.length === 0 ? path : `${path}?${query.join("&")}`
}
