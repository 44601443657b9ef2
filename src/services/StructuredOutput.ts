/**
 * Answers of a given shape: an Effect Schema becomes the JSON Schema of the request, and decodes the answer.
 *
 * These are programs over the `OpenRouter` service, so they work over every layer. In the way of a call they stand before
 * its entrance.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { InvalidOutput } from "../domain/error/OpenRouterError.ts"
import type { AnswerError, InvalidRequest, RequestError } from "../domain/error/OpenRouterError.ts"
import * as ObjectFormat from "../domain/object/ObjectFormat.ts"
import type { Repair } from "../domain/object/Repair.ts"
import type { UnansweredCalls } from "../domain/object/UnansweredCalls.ts"
import type * as Outcome from "../domain/outcome/Outcome.ts"
import type { Asking, CreateResponse } from "../domain/request/CreateResponse.ts"
import * as ObjectCall from "./ObjectCall.ts"
import type { OpenRouter, RespondError } from "./OpenRouter.ts"
import type { Reask } from "./Reask.ts"

export { keepFitting, whole } from "../domain/object/Marks.ts"
export type { Decoded } from "../domain/object/ObjectFormat.ts"
export type { DeepPartial } from "../domain/object/PartialObject.ts"
export { Repair } from "../domain/object/Repair.ts"
export { UnansweredCalls } from "../domain/object/UnansweredCalls.ts"
export type { Reask } from "./Reask.ts"

/**
 * What a request for an object is made of; {@link SendableObject} is what the calls take.
 *
 * `provider.requireParameters` is true unless the request or its defaults say otherwise, so that only endpoints are asked
 * which claim to keep to the shape.
 *
 * @since 0.1.0
 */
export interface ObjectRequest<A, E> extends Omit<CreateResponse, "text"> {
  /** The shape of the answer. */
  readonly schema: Schema.Codec<A, E>
  /**
   * The name of the shape, which the model sees. Default: the schema's identifier, or `answer`. What is neither a letter nor a
   * digit in it is sent as `_`.
   */
  readonly schemaName?: string | undefined
  /** What the shape is for; the model sees it. */
  readonly schemaDescription?: string | undefined
  /**
   * Whether the model is held to the shape; default true. With false the JSON Schema is a plain one, which models without a
   * strict mode take and which has a form for everything, and the answer is decoded all the same.
   */
  readonly strict?: boolean | undefined
  /** Whether text that is nearly JSON is read; default true. What was done is in `repaired`. */
  readonly repair?: boolean | undefined
  /** Whether to ask again after an answer that does not fit; default no. */
  readonly reask?: Reask | undefined
  readonly text?: Omit<NonNullable<CreateResponse["text"]>, "format"> | undefined
}

/**
 * A request for an object that says what to answer: it has an `input` or a `prompt`.
 *
 * @since 0.1.0
 */
export type SendableObject<A, E> = ObjectRequest<A, E> & Asking

/**
 * Why an answer has no value.
 *
 * @since 0.1.0
 */
export type ValueError = AnswerError | InvalidOutput | UnansweredCalls

/**
 * How {@link respondObject} can fail.
 *
 * @since 0.1.0
 */
export type ObjectError = RespondError | InvalidOutput | UnansweredCalls

/**
 * A decoded answer, with all that `respond` gives.
 *
 * @since 0.1.0
 */
export interface ObjectAnswer<A> extends Outcome.Completed {
  readonly value: A
  /** What was done to read the answer; empty as a rule. */
  readonly repaired: ReadonlyArray<Repair>
}

/**
 * Sends a request for an object and succeeds with the decoded value, beside all that `respond` gives.
 *
 * Any schema will do: what strict mode has no form for is asked for in another one (a root that is no struct in an object of
 * its own, optional fields as nullable, records as pairs, `Schema.Date` as ISO 8601), and the value comes back as the schema
 * says. Only a part of which nothing is known, such as `Schema.Unknown`, is `InvalidRequest`, before anything is sent.
 *
 * Providers do not all enforce the shape, so the answer is always decoded: one that does not fit is `InvalidOutput` with its
 * text, usage and cost, and one that only calls functions is `UnansweredCalls`. `reask` asks again after an answer that does
 * not fit.
 *
 * **Example** (What does a character want?)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 *
 * const Intention = Schema.Struct({ action: Schema.String, target: Schema.optionalKey(Schema.String) })
 *
 * const intention = Effect.gen(function*() {
 *   const { value, cost } = yield* OpenRouter.respondObject({
 *     model: "openai/gpt-5",
 *     input: "What does Bob want?",
 *     schema: Intention
 *   })
 *   return { action: value.action, cost }
 * })
 * ```
 *
 * @since 0.1.0
 */
export const respondObject = <A, E>(
  request: SendableObject<A, E>
): Effect.Effect<ObjectAnswer<A>, ObjectError, OpenRouter> =>
  Effect.flatMap(ObjectCall.run(request), ({ answer }) => Effect.fromResult(answer))

/**
 * How a call for an object ended: the outcome, and the value where there is one.
 *
 * @since 0.1.0
 */
export interface ObjectOutcome<A> {
  readonly outcome: Outcome.Outcome
  readonly value: Option.Option<A>
  /** Why there is no value. */
  readonly error?: ValueError
  /** What was done to read the answer. */
  readonly repaired: ReadonlyArray<Repair>
}

/**
 * Sends a request for an object and succeeds with how it ended: the outcome, and the value where there is one. Fails only if
 * there is no outcome, as `outcome` does.
 *
 * **Example** (A value, or what the model said instead)
 *
 * ```ts
 * import { Effect, Option, Schema } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 *
 * const program = OpenRouter.outcomeObject({ model: "openai/gpt-5", input: "How many houses?", schema: Schema.Int }).pipe(
 *   Effect.map(({ outcome, value }) =>
 *     Option.getOrElse(value, () => outcome._tag === "Completed" ? outcome.text : outcome._tag)
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 */
export const outcomeObject = <A, E>(
  request: SendableObject<A, E>
): Effect.Effect<ObjectOutcome<A>, RequestError, OpenRouter> =>
  Effect.map(ObjectCall.run(request), ({ answer, outcome }): ObjectOutcome<A> =>
    Result.isSuccess(answer)
      ? { outcome, value: Option.some(answer.success.value), repaired: answer.success.repaired }
      : { outcome, value: Option.none(), error: answer.failure, repaired: [] })

/**
 * How an answer that is there already is read.
 *
 * @since 0.1.0
 */
export interface DecodeOptions {
  /** Whether text that is nearly JSON is read; default true. */
  readonly repair?: boolean | undefined
}

/**
 * Decodes an answer that is there already, such as one that was stored or the text of an `InvalidOutput`, with the same or
 * another schema; nothing is sent. It takes what any of the other functions would take: both forms of a record, a value
 * with and without the object that it was asked for in.
 *
 * **Example** (Less is enough, if all is not there)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 *
 * const Whole = Schema.Struct({ title: Schema.String, pages: Schema.Int })
 * const Title = Schema.Struct({ title: Schema.String })
 *
 * const title = OpenRouter.respondObject({ model: "openai/gpt-5", input: "A book, please.", schema: Whole }).pipe(
 *   Effect.catchTag("InvalidOutput", (error) => OpenRouter.decodeObject(Title, error.text)),
 *   Effect.map(({ value }) => value.title)
 * )
 * ```
 *
 * @since 0.1.0
 */
export function decodeObject<A, E>(
  schema: Schema.Codec<A, E>,
  text: string,
  options?: DecodeOptions
): Effect.Effect<ObjectFormat.Decoded<A>, InvalidOutput | InvalidRequest>
export function decodeObject<A, E>(
  schema: Schema.Codec<A, E>,
  outcome: Outcome.Outcome | string,
  options?: DecodeOptions
): Effect.Effect<ObjectFormat.Decoded<A>, ValueError | InvalidRequest>
export function decodeObject<A, E>(
  schema: Schema.Codec<A, E>,
  answer: Outcome.Outcome | string,
  { repair = true }: DecodeOptions = {}
): Effect.Effect<ObjectFormat.Decoded<A>, ValueError | InvalidRequest> {
  return Effect.flatMap(ObjectCall.CurrentObjectFormats, (formats) => {
    const strict = ObjectCall.formatOf(schema, true, formats)
    const format = Result.isSuccess(strict) ? strict : ObjectCall.formatOf(schema, false, formats)
    if (Result.isFailure(format)) return Effect.fail(ObjectCall.invalidSchema(format.failure))
    return Effect.fromResult<ObjectFormat.Decoded<A>, ValueError | InvalidRequest>(
      Predicate.isString(answer)
        ? Result.mapError(
          ObjectFormat.decodeText(format.success, schema, answer, repair),
          ({ issue, problem }) => new InvalidOutput({ message: ObjectCall.messageOf(problem), text: answer, issue })
        )
        : Result.map(
          ObjectCall.read(answer, format.success, schema, repair),
          ({ repaired, value }) => ({ repaired, value })
        )
    )
  })
}
