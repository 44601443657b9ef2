/**
 * Sends attempts over a {@link Transport}: from a checked request to what the answer means.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { RequestError } from "../../domain/error/OpenRouterError.ts"
import { ServerClock } from "../../domain/error/ServerClock.ts"
import * as HttpAnswer from "../../domain/outcome/HttpAnswer.ts"
import type { Headers } from "../../services/Defaults.ts"
import type { Answer, Request, Transport } from "../../services/Transport.ts"
import * as AnswerSize from "./AnswerSize.ts"
import type { Sender } from "./Kernel.ts"
import * as ResponseStream from "./ResponseStream.ts"
import type { Sending } from "./Sending.ts"
import type { EventSource } from "./StreamAttempt.ts"
import * as WholeAnswer from "./WholeAnswer.ts"

/**
 * Makes the sender of a client.
 *
 * @since 0.1.0
 */
export const make = (transport: Transport["Service"]): Sender => {
  const { maxAnswerBytes = AnswerSize.defaultMax, maxEventBytes = AnswerSize.defaultMaxEvent, scrub } = transport
  const serverClock = new ServerClock()
  const toOutcome = withoutKey(HttpAnswer.toOutcome, scrub, (outcome) => outcome._tag === "Completed")

  const send = (sending: Sending, request: Request): Effect.Effect<Answer, RequestError, Scope.Scope> => {
    const sent = transport.send(request, sending.onSent)
    return transport.announcesSending === true ? sent : Effect.andThen(sending.onSent, sent)
  }

  const short = WholeAnswer.askOf(transport)

  /** An answer of any status, read to its end. */
  const ask = (
    sending: Sending,
    path: string,
    body: string | undefined
  ): Effect.Effect<HttpAnswer.HttpAnswer, RequestError> => {
    const request: Request = {
      method: body === undefined ? "GET" : "POST",
      path,
      headers: headersOf(jsonHeaders, sending.headers),
      body
    }
    return short === undefined
      ? sending.guard(
        Effect.scoped(Effect.flatMap(send(sending, request), (answer) => whole(answer, sending, serverClock)))
      )
      : short(request, {
        noted: (status, headers) => noted(status, headers, sending, serverClock),
        wait: (start) => sending.wait(start),
        guard: (self) => sending.guard(self)
      })
  }

  const asked = <A>(
    sending: Sending,
    path: string,
    body: string | undefined,
    read: Read<A>
  ): Effect.Effect<A, RequestError> =>
    Effect.matchEffect(ask(sending, path, body), {
      onFailure: (error) => Effect.fail(sending.explained(error)),
      onSuccess: (answer) => Effect.fromResult(read(answer, sending.context))
    })

  return {
    account: transport.account,
    address: transport.address,
    respond: (sending, _request, body) => asked(sending, "/responses", body, toOutcome),
    call: (sending, call, body) => asked(sending, call.path, body, withoutKey(call.read, scrub, () => true)),
    stream: (sending, _request, body) => {
      const reading = { sending, scrub, maxAnswerBytes, maxEventBytes, toOutcome }
      const opened = Effect.flatMap(
        send(sending, {
          method: "POST",
          path: "/responses",
          headers: headersOf(streamHeaders, sending.headers),
          body
        }),
        (answer): Effect.Effect<EventSource, RequestError, Scope.Scope> => {
          if (answer.status !== 200) {
            return Effect.map(whole(answer, sending, serverClock), (answer) => ResponseStream.ofAnswer(answer, reading))
          }
          noted(answer.status, answer.headers, sending, serverClock)
          return ResponseStream.open(answer, reading)
        }
      )
      return Effect.mapError(opened, (error) => sending.explained(error))
    }
  }
}

const jsonHeaders: Headers = { accept: "application/json" }

const streamHeaders: Headers = { accept: "text/event-stream" }

const noHeaders = (headers: Headers): boolean => {
  for (const _ in headers) return false
  return true
}

/** The same object for all calls that add none, so that a transport can prepare what it makes of it. */
const headersOf = (own: Headers, added: Headers): Headers => noHeaders(added) ? own : { ...added, ...own }

/** What is known of an attempt as soon as the headers of its answer are there. */
const noted = (status: number, headers: Answer["headers"], sending: Sending, serverClock: ServerClock): void => {
  // What is answered was sent, whatever a transport says.
  sending.left()
  sending.running.answeredStatus = status
  sending.generationId = headers["x-generation-id"]
  // Now, because the body may come much later than the date.
  sending.serverAhead = serverClock.aheadBy(headers["date"], sending.running.clock.currentTimeMillisUnsafe())
}

const whole = (
  answer: Answer,
  sending: Sending,
  serverClock: ServerClock
): Effect.Effect<HttpAnswer.HttpAnswer, RequestError> => {
  const { headers, status } = answer
  noted(status, headers, sending, serverClock)
  return Effect.map(answer.text, (text) => ({ status, headers, text }))
}

type Read<A> = (answer: HttpAnswer.HttpAnswer, context: HttpAnswer.Context) => Result.Result<A, RequestError>

/** Reads an answer; one that becomes an error is read without the API key in it. What a model said is left as it is. */
const withoutKey =
  <A>(read: Read<A>, scrub: (text: string) => string, isFine: (value: A) => boolean): Read<A> => (answer, context) => {
    const result = read(answer, context)
    if (Result.isSuccess(result) && isFine(result.success)) return result
    const text = scrub(answer.text)
    return text === answer.text ? result : read({ ...answer, text }, context)
  }
