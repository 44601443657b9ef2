/**
 * Exchanges over `fetch`, with nothing between: no client, no response object, a promise for the headers and one for each
 * piece of a body.
 *
 * It honours the references of `effect/http/FetchHttpClient`: `Fetch`, and `RequestInit` for settings of the platform.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as Pull from "effect/Pull"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { RequestError } from "../../domain/error/OpenRouterError.ts"
import type { HttpAnswer } from "../../domain/outcome/HttpAnswer.ts"
import * as LazyStream from "../../services/LazyStream.ts"
import type { Answer, Request, Transport } from "../../services/Transport.ts"
import * as AnswerSize from "./AnswerSize.ts"
import * as ApiKey from "./ApiKey.ts"
import * as HttpFailure from "./HttpFailure.ts"
import type { Settings } from "./Settings.ts"
import * as WholeAnswer from "./WholeAnswer.ts"

/**
 * Makes the transport.
 *
 * @since 0.1.0
 */
export const make = ({ apiKey, apiUrl, headers, maxAnswerBytes, maxEventBytes }: Settings): Transport["Service"] => {
  const scrub = ApiKey.scrubber(apiKey)
  const { host } = new URL(apiUrl)
  const authorization = `Bearer ${Redacted.value(apiKey)}`
  const build = (own: Request["headers"], hasBody: boolean): Record<string, string> => ({
    ...headers,
    ...own,
    ...(hasBody ? { "content-type": "application/json" } : {}),
    authorization
  })
  /** What goes with a body, by the headers of the request, which most calls share. */
  const prepared = new WeakMap<Request["headers"], Record<string, string>>()
  const prepare = (own: Request["headers"]): Record<string, string> => {
    let known = prepared.get(own)
    if (known === undefined) {
      known = build(own, true)
      prepared.set(own, known)
    }
    return known
  }
  /** Sends a request; what it gives aborts it. */
  const start = (
    { body, headers, method, path }: Request,
    fiber: Fiber.Fiber<unknown, unknown>,
    begun: (exchange: Exchange) => void,
    failed: (error: Effect.Effect<never, RequestError>) => void
  ): () => void => {
    const controller = new AbortController()
    const refused = (cause: unknown) => failed(HttpFailure.ofCause(cause, { host, scrub, phase: "sending" }))
    try {
      fiber.getRef(FetchHttpClient.Fetch)(apiUrl + path, {
        // OpenRouter has none, and a request that was redirected is another one, without its body or its key.
        redirect: "manual",
        ...Context.getOrUndefined(fiber.context, FetchHttpClient.RequestInit),
        method,
        headers: body === undefined ? build(headers, false) : prepare(headers),
        body: body ?? null,
        signal: controller.signal
      }).then((response) => {
        try {
          begun(new Exchange(response, controller, { host, scrub, maxAnswerBytes }))
        } catch (defect) {
          // A fetch of somebody's own may give what is no response.
          failed(Effect.die(defect))
        }
      }, refused)
    } catch (cause) {
      refused(cause)
    }
    return () => controller.abort()
  }
  const send: Transport["Service"]["send"] = (request) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber) =>
        Effect.flatMap(
          restore(
            Effect.callback<Exchange, RequestError>((resume) =>
              Effect.sync(start(request, fiber, (exchange) => resume(Effect.succeed(exchange)), resume))
            )
          ),
          (exchange) => Effect.as(Effect.addFinalizer(() => Effect.sync(() => exchange.close())), exchange.answer)
        )
      )
    )
  const ask: WholeAnswer.Ask = (request, { noted, wait }) =>
    Effect.withFiber((fiber) =>
      wait<HttpAnswer, RequestError>((end) =>
        start(request, fiber, (exchange) => {
          const { headers, status } = exchange
          noted(status, headers)
          exchange.read((text) => end(Effect.map(text, (text) => ({ status, headers, text }))))
        }, end)
      )
    )
  return {
    account: ApiKey.account(apiKey),
    address: apiUrl,
    maxAnswerBytes,
    scrub,
    maxEventBytes,
    send: WholeAnswer.withAsk(send, ask)
  }
}

type Chunks = Arr.NonEmptyReadonlyArray<Uint8Array>

interface Known {
  readonly host: string
  readonly scrub: (text: string) => string
  readonly maxAnswerBytes: number
}

/** A response whose headers are there, and how far its body was read. */
class Exchange {
  readonly #response: Response
  readonly #controller: AbortController
  readonly #known: Known
  readonly status: number
  readonly headers: Answer["headers"]
  /** True once there is nothing more to read. */
  #isOver = false

  constructor(response: Response, controller: AbortController, known: Known) {
    this.#response = response
    this.#controller = controller
    this.#known = known
    // Browsers do not say how they were redirected.
    this.status = response.type === "opaqueredirect" ? 302 : response.status
    const headers: Record<string, string> = {}
    response.headers.forEach((value, name) => {
      headers[name] = value
    })
    this.headers = ApiKey.withoutKey(headers, known.scrub, isError(this.status))
  }

  /** Closes the connection, unless it is free for the next request. */
  close(): void {
    if (!this.#isOver) this.#controller.abort()
  }

  get answer(): Answer {
    const { headers, status } = this
    const text: Answer["text"] = Effect.callback((resume) => {
      this.read(resume)
      return Effect.sync(() => this.#controller.abort())
    })
    return {
      status,
      headers,
      text,
      chunks: LazyStream.make(() => isError(status) ? Stream.encodeText(Stream.fromEffect(text)) : this.#chunks)
    }
  }

  /** Reads the whole body, and closes the connection if that cannot be done. */
  read(end: (text: Effect.Effect<string, RequestError>) => void): void {
    const { host, maxAnswerBytes, scrub } = this.#known
    const text = AnswerSize.isPromised(this.headers, maxAnswerBytes) ? this.#response.text() : this.#counted()
    text.then(
      (text) => {
        this.#isOver = true
        end(Exit.succeed(isError(this.status) ? scrub(text) : text))
      },
      (cause) => {
        this.close()
        end(cause === tooLarge ? Exit.fail(AnswerSize.exceeds(host, maxAnswerBytes)) : this.#failure(cause))
      }
    )
  }

  /** The body piece by piece, as long as it is within the limit. */
  async #counted(): Promise<string> {
    const { body } = this.#response
    if (body === null) return ""
    const reader = body.getReader()
    const decoder = new TextDecoder()
    let size = 0
    let text = ""
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.length
      if (size > this.#known.maxAnswerBytes) throw tooLarge
      text += decoder.decode(next.value, { stream: true })
    }
    return text + decoder.decode()
  }

  get #chunks(): Answer["chunks"] {
    return Stream.fromPull(Effect.sync(() => {
      const reader = this.#response.body?.getReader()
      // A wait that is given up does not take its piece along.
      let reading: ReturnType<ReadableStreamDefaultReader<Uint8Array>["read"]> | undefined
      const pull: Pull.Pull<Chunks, RequestError> = Effect.callback((resume) => {
        if (reader === undefined) return resume(Cause.done())
        reading ??= reader.read()
        reading.then(
          ({ done, value }) => {
            reading = undefined
            this.#isOver ||= done
            resume(done ? Cause.done() : Effect.succeed(Arr.of(value)))
          },
          (cause) => {
            this.#isOver = true
            resume(this.#failure(cause))
          }
        )
      })
      return pull
    }))
  }

  #failure(cause: unknown): Effect.Effect<never, RequestError> {
    return HttpFailure.ofCause(cause, { ...this.#known, phase: "receiving" })
  }
}

/** Only what a model said is left as it is. */
const isError = (status: number): boolean => status >= 300

/** Why reading a body ends that does not fit. */
const tooLarge = new Error("the body is too large")
