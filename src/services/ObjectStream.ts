/**
 * Objects and lists while they arrive.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as CallCost from "../domain/error/CallCost.ts"
import * as Decoders from "../domain/object/Decoders.ts"
import { keepFitting } from "../domain/object/Marks.ts"
import * as ObjectJson from "../domain/object/ObjectJson.ts"
import * as ObjectSchema from "../domain/object/ObjectSchema.ts"
import * as PartialJson from "../domain/object/PartialJson.ts"
import * as PartialObject from "../domain/object/PartialObject.ts"
import type * as Outcome from "../domain/outcome/Outcome.ts"
import type { Sendable } from "../domain/request/CreateResponse.ts"
import * as ShownText from "../domain/stream/ShownText.ts"
import type { StreamEvent } from "../domain/stream/StreamEvent.ts"
import * as ObjectCall from "./ObjectCall.ts"
import { CurrentObjectProblem, CurrentObjectSchema, OpenRouter } from "./OpenRouter.ts"
import type { StreamError } from "./OpenRouter.ts"
import * as Reask from "./Reask.ts"
import type { ObjectAnswer, SendableObject, ValueError } from "./StructuredOutput.ts"

/**
 * A piece of a streamed object: what there is of it so far, and at the end the decoded answer.
 *
 * @since 0.1.0
 */
export type ObjectPart<A> =
  | { readonly _tag: "Partial"; readonly value: PartialObject.DeepPartial<A> }
  | { readonly _tag: "Complete"; readonly answer: ObjectAnswer<A> }

/**
 * How {@link streamObject} and {@link streamElements} can fail.
 *
 * @since 0.1.0
 */
export type ObjectStreamError = StreamError | ValueError

type Parts<A, E> = Channel.Channel<Arr.NonEmptyReadonlyArray<A>, E>

/**
 * Sends a request for an object and gives it while it arrives: what there is of the value, then the decoded answer.
 *
 * Texts, lists and objects grow; numbers, literals, dates and whatever else is made of its JSON by a transformation appear
 * when they are complete, and so does what the schema marks with `whole`. No two equal values come in a row, no text ends
 * with half of a surrogate pair, and nothing is checked yet. A value comes at most as often as the text has grown by a
 * fiftieth, so that long answers stay cheap. Commentary is no part of it. The stream fails as `stream` does, and as
 * `respondObject` does if the whole answer has no value. Where it is asked again, the values begin anew.
 *
 * **Example** (Showing the action as soon as it is known)
 *
 * ```ts
 * import { Console, Schema, Stream } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 *
 * const program = OpenRouter.streamObject({
 *   model: "openai/gpt-5",
 *   input: "What does Bob want?",
 *   schema: Schema.Struct({ action: Schema.String })
 * }).pipe(
 *   Stream.runForEach((part) =>
 *     part._tag === "Partial" ? Console.log(part.value.action) : Console.log(part.answer.value.action, part.answer.cost)
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 */
export const streamObject = <A, E>(
  request: SendableObject<A, E>
): Stream.Stream<ObjectPart<A>, ObjectStreamError, OpenRouter> =>
  Stream.unwrap(Effect.map(ObjectCall.prepared(request), (call) => {
    const part = (value: PartialObject.DeepPartial<A>): ObjectPart<A> => ({ _tag: "Partial", value })

    const parts = () => {
      let shown: unknown = PartialObject.absent
      let shownLength = 0
      const reader = reading(call)
      const make = PartialObject.maker(call.format.shape, call.format.decoders)
      return (events: ReadonlyArray<StreamEvent>): ReadonlyArray<ObjectPart<A>> => {
        const { length, value } = reader(events)
        if (value === undefined || length <= shownLength * 1.02) return []
        shownLength = length
        const made = make(value)
        if (!isPartial<A>(made) || PartialObject.isSame(made, shown)) return []
        shown = made
        return [part(made)]
      }
    }

    const asking = (
      service: OpenRouter["Service"],
      asked: Sendable,
      times: number,
      spent: Reask.Spent,
      before?: ValueError
    ): Parts<ObjectPart<A>, ObjectStreamError> =>
      service.events(asked).pipe(
        Channel.mapError((error) =>
          before !== undefined && error._tag === "BudgetExceeded"
            ? before
            : Reask.failed(error, spent, CallCost.ofStream)
        ),
        Channel.map(parts()),
        Channel.filter(Arr.isReadonlyArrayNonEmpty),
        Channel.concatWith((ended: Outcome.Outcome): Parts<ObjectPart<A>, ObjectStreamError> => {
          const outcome = Reask.withSpent(ended, spent)
          const answer = call.read(outcome)
          if (Result.isSuccess(answer)) return Channel.succeed(Arr.of({ _tag: "Complete", answer: answer.success }))
          const error = answer.failure
          const again = error._tag === "InvalidOutput" ? Reask.next(call.asked, call.reask, times, error) : undefined
          return again === undefined
            ? Channel.fail(error)
            : asking(service, again, times + 1, Reask.spentOn(outcome), error)
        })
      )

    return Stream.fromChannel(
      Channel.unwrap(OpenRouter.useSync((service) => asking(service, call.asked, 0, Reask.nothing)))
    ).pipe(
      Stream.provideService(CurrentObjectSchema, request.schema),
      Stream.provideService(CurrentObjectProblem, call.problem)
    )
  }))

/** What is not absent is a part of a value, by the way in which it was made. */
const isPartial = <A>(made: unknown): made is PartialObject.DeepPartial<A> => made !== PartialObject.absent

/** Reads events: the JSON of the value as far as it has come, and how long the text is. */
const reading = <A>({ format, repair }: ObjectCall.ObjectCall<A>) => {
  const json = PartialJson.make({ isLenient: repair })
  const text = ShownText.make()
  return (
    events: ReadonlyArray<StreamEvent>
  ): { readonly value: PartialJson.Node | undefined; readonly length: number } => {
    for (const event of events) json.push(text.next(event))
    const root = json.root()
    const isInside = format.isWrapped && root?._tag === "Object"
    return { value: isInside ? root.members.get(ObjectSchema.wrapper) : root, length: json.length() }
  }
}

/**
 * Sends a request for a list and gives its elements one by one, each decoded as soon as it is complete. `schema` is that of
 * an element.
 *
 * An element that does not fit is left out; the stream then fails at its end, behind all that do fit, with `InvalidOutput`,
 * which says where and has the cost. There is no asking again, because elements may have been used.
 *
 * **Example** (Each character enters as soon as it is invented)
 *
 * ```ts
 * import { Console, Schema, Stream } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 *
 * const program = OpenRouter.streamElements({
 *   model: "openai/gpt-5",
 *   input: "Invent ten people of the town.",
 *   schema: Schema.Struct({ name: Schema.String, age: Schema.Int })
 * }).pipe(Stream.runForEach(({ age, name }) => Console.log(`${name}, ${age}`)))
 * ```
 *
 * @since 0.1.0
 */
export const streamElements = <A, E>(
  request: SendableObject<A, E> & { readonly reask?: undefined }
): Stream.Stream<A, ObjectStreamError, OpenRouter> =>
  Stream.unwrap(Effect.suspend(() => {
    const { schema } = request
    const list = keepFitting(Schema.Array(schema))
    return Effect.map(ObjectCall.prepared({ ...request, schema: list }, schema), (call) => {
      const { shape } = call.format
      const decode = Decoders.decoder(schema)
      const reader = reading(call)
      let looked = 0
      let given = 0

      const finished = (events: ReadonlyArray<StreamEvent>): ReadonlyArray<A> => {
        const { value } = reader(events)
        if (value?._tag !== "List" || shape._tag !== "List") return []
        const made: Array<A> = []
        for (let item = value.items[looked]; item !== undefined && !item.isOpen; item = value.items[++looked]) {
          const exit = decode(ObjectJson.read(shape.item, PartialJson.toJson(item), call.format.decoders).json)
          if (Exit.isSuccess(exit)) made.push(exit.value)
        }
        given += made.length
        return made
      }

      const rest = (outcome: Outcome.Outcome): Parts<A, ValueError> => {
        const answer = call.read(outcome)
        if (Result.isFailure(answer)) return Channel.fail(answer.failure)
        const left = answer.success.value.slice(given)
        const issues = answer.success.repaired.flatMap((repair) => repair._tag === "Misfit" ? [repair] : [])
        const [first] = issues
        const end: Parts<A, ValueError> = first === undefined ? Channel.empty : Channel.fail(
          ObjectCall.errorOf(answer.success, {
            problem: `${issues.length} of the elements, the first at ${first.path}`,
            issue: issues.map(({ issue, path }) => `${path}: ${issue}`).join("\n")
          })
        )
        return Arr.isReadonlyArrayNonEmpty(left) ? Channel.concat(Channel.succeed(left), end) : end
      }

      return Stream.fromChannel(
        Channel.unwrap(OpenRouter.useSync((service) =>
          service.events(call.asked).pipe(
            Channel.map(finished),
            Channel.filter(Arr.isReadonlyArrayNonEmpty),
            Channel.concatWith(rest)
          )
        ))
      ).pipe(
        Stream.provideService(CurrentObjectSchema, list),
        Stream.provideService(CurrentObjectProblem, call.problem)
      )
    })
  }))
