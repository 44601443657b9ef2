/**
 * Calls that continue a conversation. The API is stateless, so each sends all that was said before, and gives the next
 * conversation beside its answer. A call that fails gives none: the conversation stays what it was.
 *
 * `Conversations` keeps them by key.
 *
 * **Example** (Two questions)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Conversation, Input } from "effect-openrouter"
 *
 * const program = Effect.gen(function*() {
 *   const start = Conversation.make(Input.system("You are Bob, a baker."))
 *   const first = yield* Conversation.respond(start, { model: "openai/gpt-5", input: "What do you bake today?" })
 *   const second = yield* Conversation.respond(first.conversation, { model: "openai/gpt-5", input: "And tomorrow?" })
 *   return second.answer.text
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import { append, itemsOf } from "../domain/conversation/History.ts"
import type { Conversation } from "../domain/conversation/History.ts"
import type { AnswerError } from "../domain/error/OpenRouterError.ts"
import * as Outcome from "../domain/outcome/Outcome.ts"
import type { Sendable } from "../domain/request/CreateResponse.ts"
import * as ShownText from "../domain/stream/ShownText.ts"
import type { StreamEvent } from "../domain/stream/StreamEvent.ts"
import * as OpenRouter from "./OpenRouter.ts"

export {
  append,
  Conversation,
  empty,
  fork,
  make,
  openCalls,
  type Said,
  type TokenOptions,
  tokens,
  tokensUpTo,
  turns,
  window
} from "../domain/conversation/History.ts"

/**
 * An answer, and the conversation with it.
 *
 * @since 0.1.0
 */
export interface Turn<A extends Outcome.Completed = Outcome.Completed> {
  readonly answer: A
  readonly conversation: Conversation
}

/**
 * The request with all that was said before, and the conversation with what it says.
 *
 * @internal
 */
export const continued = <Request extends { readonly input?: Sendable["input"] }>(
  self: Conversation,
  request: Request
): { readonly asked: Conversation; readonly request: Request } => {
  const { input } = request
  const asked = input === undefined ? self : append(self, itemsOf(input))
  return { asked, request: asked.items.length === 0 ? request : { ...request, input: asked.items } }
}

/**
 * The conversation after an answer.
 *
 * @internal
 */
export const answered = (asked: Conversation, { response }: Outcome.Outcome): Conversation =>
  append(asked, response.output)

/**
 * Asks in a conversation: sends all that was said before, and then the `input` of the request. Fails as `OpenRouter.respond` does.
 *
 * @since 0.1.0
 */
export const respond: {
  (request: Sendable): (self: Conversation) => Effect.Effect<Turn, OpenRouter.RespondError, OpenRouter.OpenRouter>
  (self: Conversation, request: Sendable): Effect.Effect<Turn, OpenRouter.RespondError, OpenRouter.OpenRouter>
} = /* @__PURE__ */ dual(2, (self: Conversation, request: Sendable) => {
  const next = continued(self, request)
  return Effect.map(
    OpenRouter.respond(next.request),
    (answer): Turn => ({ answer, conversation: answered(next.asked, answer) })
  )
})

/**
 * A piece of an answer while it arrives: text, and at the end the whole answer with the next conversation.
 *
 * @since 0.1.0
 */
export type TurnPart =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Complete"; readonly answer: Outcome.Completed; readonly conversation: Conversation }

/**
 * Asks in a conversation, and gives the text of the answer while it arrives, then the answer with the next conversation.
 *
 * The stream fails as `OpenRouter.stream` does; whoever leaves it before its end has no next conversation.
 *
 * @since 0.1.0
 */
export const streamText: {
  (
    request: Sendable
  ): (self: Conversation) => Stream.Stream<TurnPart, OpenRouter.StreamError | AnswerError, OpenRouter.OpenRouter>
  (
    self: Conversation,
    request: Sendable
  ): Stream.Stream<TurnPart, OpenRouter.StreamError | AnswerError, OpenRouter.OpenRouter>
} = /* @__PURE__ */ dual(
  2,
  (
    self: Conversation,
    request: Sendable
  ): Stream.Stream<TurnPart, OpenRouter.StreamError | AnswerError, OpenRouter.OpenRouter> =>
    Stream.fromChannel(Channel.unwrap(OpenRouter.OpenRouter.useSync((service) => {
      const next = continued(self, request)
      const shown = ShownText.make()
      const textOf = (events: ReadonlyArray<StreamEvent>): ReadonlyArray<TurnPart> =>
        events.map(shown.next).flatMap((text): ReadonlyArray<TurnPart> => text === "" ? [] : [{ _tag: "Text", text }])
      return service.events(next.request).pipe(
        Channel.map(textOf),
        Channel.filter(Arr.isReadonlyArrayNonEmpty),
        Channel.concatWith((outcome) => {
          if (outcome._tag !== "Completed") return Channel.fail(Outcome.toError(outcome))
          const rest = shown.rest(outcome.text)
          const complete: TurnPart = {
            _tag: "Complete",
            answer: outcome,
            conversation: answered(next.asked, outcome)
          }
          return Channel.succeed<Arr.NonEmptyReadonlyArray<TurnPart>>(
            rest === "" ? [complete] : [{ _tag: "Text", text: rest }, complete]
          )
        })
      )
    })))
)
