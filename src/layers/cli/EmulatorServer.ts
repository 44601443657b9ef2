/**
 * The emulator on a port, by Node's own HTTP server.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { ReadableStream } from "node:stream/web"
import type { Emulator } from "../../services/testing/Emulator.ts"

/**
 * Why nobody can be served.
 *
 * @since 0.1.0
 */
export class CannotListen extends Data.TaggedError("CannotListen")<{ readonly message: string }> {}

/**
 * Where to serve.
 *
 * @since 0.1.0
 */
export interface Options {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Is told of each exchange, in one line, when it is over. */
  readonly log?: ((line: string) => void) | undefined
}

/**
 * Serves an emulator as long as the scope is open; gives its URL.
 *
 * @since 0.1.0
 */
export const serve = (
  { handler }: Emulator["Service"],
  options: Options
): Effect.Effect<string, CannotListen, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const server = Http.createServer((incoming, outgoing) => {
      const startedAt = clock.currentTimeMillisUnsafe()
      const exchange = new Exchange(incoming, outgoing)
      void exchange.serve(handler).then((how) =>
        options.log?.(`${exchange.name} -> ${how} in ${clock.currentTimeMillisUnsafe() - startedAt} ms`)
      )
    })
    yield* Effect.acquireRelease(listen(server, options), () => closing(server))
    const address = server.address()
    const port = Predicate.isObject(address) ? address.port : options.port
    return `http://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`
  })

const listen = (server: Http.Server, { host, port }: Options): Effect.Effect<void, CannotListen> =>
  Effect.callback((resume) => {
    server.once(
      "error",
      (error: NodeJS.ErrnoException) => resume(Effect.fail(new CannotListen({ message: whyNot(error, host, port) })))
    )
    server.listen(port, host, () => resume(Effect.void))
  })

const whyNot = ({ code, message }: NodeJS.ErrnoException, host: string, port: number): string => {
  switch (code) {
    case "EADDRINUSE":
      return `port ${port} of ${host} is in use; choose another with --port, or a free one with --port 0`
    case "EACCES":
      return `port ${port} of ${host} is not allowed to this user; choose one above 1023 with --port`
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `${host} is no address of this machine; choose one with --host`
    default:
      return `cannot listen on port ${port} of ${host}: ${message}`
  }
}

const closing = (server: Http.Server): Effect.Effect<void> =>
  Effect.callback((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

const left = "left by the caller"

const broken = "connection broken"

/** One request and its answer. */
class Exchange {
  readonly #incoming: Http.IncomingMessage
  readonly #outgoing: Http.ServerResponse
  #model = ""

  constructor(incoming: Http.IncomingMessage, outgoing: Http.ServerResponse) {
    this.#incoming = incoming
    this.#outgoing = outgoing
  }

  /** What was asked. */
  get name(): string {
    return `${this.#incoming.method} ${this.#incoming.url}${this.#model}`
  }

  /** Serves it; gives what became of it. */
  async serve(handler: Emulator["Service"]["handler"]): Promise<string> {
    const controller = new AbortController()
    this.#outgoing.on("close", () => controller.abort())
    const request = this.#request(controller.signal)
    if (request === undefined) {
      this.#outgoing.writeHead(400, { "content-type": "text/plain" }).end("This is no request that can be answered.\n")
      return "400"
    }
    const named = modelOf(request.clone())
    const response = await handler(request).catch(() => undefined)
    this.#model = await named
    const how = response === undefined
      ? controller.signal.aborted ? left : broken
      : await this.#send(response).catch((error: NodeJS.ErrnoException) =>
        error.code === "ERR_STREAM_PREMATURE_CLOSE" ? left : broken
      )
    if (how === left || how === broken) this.#incoming.socket.destroy()
    return how
  }

  #request(signal: AbortSignal): Request | undefined {
    const { headers, method = "GET", url = "/" } = this.#incoming
    const all = new Headers()
    try {
      for (const [name, value] of Object.entries(headers)) {
        if (value !== undefined) all.set(name, Array.isArray(value) ? value.join(", ") : value)
      }
      const body = method === "GET" || method === "HEAD" ? null : Readable.toWeb(this.#incoming)
      return new Request(new URL(url, "http://emulator"), { method, headers: all, body, duplex: "half", signal })
    } catch {
      return undefined
    }
  }

  async #send({ body, headers, status }: Response): Promise<string> {
    this.#outgoing.writeHead(status, Object.fromEntries(headers))
    if (body === null) this.#outgoing.end()
    else {
      this.#outgoing.flushHeaders()
      const source: ReadableStream<Uint8Array> = body
      await pipeline(Readable.fromWeb(source), this.#outgoing)
    }
    return String(status)
  }
}

/** The model that a request names, for people. */
const modelOf = async (request: Request): Promise<string> => {
  try {
    const json: unknown = await request.json()
    return Predicate.hasProperty(json, "model") && typeof json.model === "string" ? ` ${json.model}` : ""
  } catch {
    return ""
  }
}
