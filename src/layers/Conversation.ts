/**
 * Conversations as values, and the calls that continue them; see `services/Conversation`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type { Conversation } from "../domain/conversation/History.ts"
import { answered, continued } from "../services/Conversation.ts"
import type { Turn } from "../services/Conversation.ts"
import type { OpenRouter } from "../services/OpenRouter.ts"
import { respondObject as ask } from "../services/StructuredOutput.ts"
import type { ObjectAnswer, ObjectError, SendableObject } from "../services/StructuredOutput.ts"

export {
  append,
  Conversation,
  empty,
  fork,
  make,
  openCalls,
  respond,
  type Said,
  streamText,
  type TokenOptions,
  tokens,
  tokensUpTo,
  type Turn,
  type TurnPart,
  turns,
  window
} from "../services/Conversation.ts"

/**
 * Asks for an object in a conversation. Fails as `OpenRouter.respondObject` does.
 *
 * @since 0.1.0
 */
export const respondObject: {
  <A, E>(
    request: SendableObject<A, E>
  ): (self: Conversation) => Effect.Effect<Turn<ObjectAnswer<A>>, ObjectError, OpenRouter>
  <A, E>(
    self: Conversation,
    request: SendableObject<A, E>
  ): Effect.Effect<Turn<ObjectAnswer<A>>, ObjectError, OpenRouter>
} = /* @__PURE__ */ dual(2, <A, E>(self: Conversation, request: SendableObject<A, E>) => {
  const next = continued(self, request)
  return Effect.map(
    ask(next.request),
    (answer): Turn<ObjectAnswer<A>> => ({ answer, conversation: answered(next.asked, answer) })
  )
})
