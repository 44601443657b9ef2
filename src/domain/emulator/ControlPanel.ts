/**
 * What the emulated server says beside OpenRouter's API: who it is, what it was asked, and how to set it back. For tests in
 * any language, which have nothing but HTTP.
 *
 * | request | answer |
 * |---|---|
 * | `GET /`, `GET /api/v1` | what this is, and where to post |
 * | `GET /__emulator/requests` | the newest 1,000 requests, without their credentials; `DELETE` forgets them |
 * | `GET /__emulator/ledger` | what was charged, in USD as decimal text |
 * | `POST /__emulator/reset` | back to the state after the start |
 * | `POST /__emulator/advance` | with `{"millis": 60000}`: moves the server's clock forward |
 *
 * None of these needs a key or is a request to be remembered.
 *
 * @since 0.1.0
 */
import * as BigDecimal from "effect/BigDecimal"
import * as DateTime from "effect/DateTime"
import * as Predicate from "effect/Predicate"
import { type Arrival, type Context, type Decision, initial, type State, type Step } from "./Exchange.ts"
import { latestInstant } from "./Fault.ts"
import * as Ledger from "./Ledger.ts"
import type { JsonObject } from "./Prompt.ts"

const json = (body: JsonObject, status = 200): Decision => ({
  _tag: "Send",
  status,
  headers: {},
  contentType: "application/json",
  body: `${JSON.stringify(body, null, 2)}\n`,
  delay: 0
})

/**
 * Serves what is no request to the API; `undefined` for all others.
 *
 * @since 0.1.0
 */
export const serve = (context: Context, state: State): Step | undefined => {
  const { arrival, config, now } = context
  const path = arrival.url.split("?", 1)[0]?.replace(/(.)\/$/, "$1") ?? ""
  if (arrival.method === "OPTIONS") return [preflight(arrival), state]
  if (arrival.method === "GET" && (path === "/" || path === "" || path === "/api/v1")) return [json(about), state]
  switch (`${arrival.method} ${path}`) {
    case "GET /__emulator/requests":
      return [
        json({ requests: state.requests.map((request) => ({ ...request, at: DateTime.formatIso(request.at) })) }),
        state
      ]
    case "DELETE /__emulator/requests":
      return [json({ requests: [] }), { ...state, requests: [] }]
    case "GET /__emulator/ledger":
      return [json(ledgerOf(state)), state]
    case "POST /__emulator/reset":
      return [json({ reset: true }), initial(config, now - state.ahead)]
    case "POST /__emulator/advance": {
      const millis = Predicate.isObject(context.json) ? context.json["millis"] : undefined
      if (typeof millis !== "number" || !(millis >= 0)) {
        return [json({ error: { message: "Say by how much: {\"millis\": 60000}." } }, 400), state]
      }
      if (now + millis > latestInstant) {
        return [json({ error: { message: "So many millis lead beyond the year 9999." } }, 400), state]
      }
      return [json({ now: DateTime.formatIso(DateTime.makeUnsafe(now + millis)) }), {
        ...state,
        ahead: state.ahead + millis
      }]
    }
    default:
      return path.startsWith("/__emulator")
        ? [json({ error: { message: nothingHere }, ...about }, 404), state]
        : undefined
  }
}

const nothingHere = "There is no such thing. The emulator itself has these, besides the API:"

const ledgerOf = ({ books, credits }: State): JsonObject => {
  const { accounts, calls, cancelled, remaining, statuses, total } = Ledger.toLedger(books, credits)
  return {
    total: BigDecimal.format(total),
    credits: BigDecimal.format(credits),
    remaining: BigDecimal.format(remaining),
    calls,
    cancelled,
    statuses,
    accounts: accounts.map((account) => ({ ...account, cost: BigDecimal.format(account.cost) }))
  }
}

const about: JsonObject = {
  name: "OpenRouter emulator",
  about: "An emulated OpenRouter server for tests. It answers by itself, costs nothing, and takes any API key.",
  post: "/api/v1/responses",
  chat: "/api/v1/chat/completions, for clients that know no other endpoint",
  example:
    "curl $URL/api/v1/responses -H 'Authorization: Bearer any' -H 'Content-Type: application/json' -d '{\"model\":\"openai/gpt-5\",\"input\":\"Hello\"}'",
  faults: "The name of a model can provoke any failure, such as emulator/status-503 or emulator/stream-reset.",
  emulator: {
    "GET /__emulator/requests": "what it was asked",
    "DELETE /__emulator/requests": "forgets that",
    "GET /__emulator/ledger": "what was charged",
    "POST /__emulator/reset": "back to the state after the start",
    "POST /__emulator/advance": "{\"millis\": 60000} moves its clock forward"
  }
}

/** Lets browsers send what they ask for: there is nothing here to protect. */
const preflight = ({ headers }: Arrival): Decision => ({
  _tag: "Send",
  status: 204,
  headers: {
    "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": headers["access-control-request-headers"] ?? "*",
    "Access-Control-Max-Age": "600"
  },
  contentType: "text/plain",
  body: "",
  delay: 0
})

/**
 * Lets scripts of any origin read an answer, as OpenRouter does; others have no use for these headers.
 *
 * @since 0.1.0
 */
export const readable = (decision: Decision, { headers }: Arrival): Decision =>
  headers["origin"] === undefined || !("headers" in decision) ? decision : {
    ...decision,
    headers: { "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "*", ...decision.headers }
  }

/**
 * What to say about a path or a method that does not exist: what there is that comes near.
 *
 * @since 0.1.0
 */
export const hint = (
  method: string,
  url: string,
  posts: ReadonlyArray<string>,
  gets: ReadonlyArray<string>
): string => {
  const path = (url.split("?", 1)[0] ?? "").replace(/(.)\/$/, "$1")
  const said = `There is no ${method} ${path}.`
  const known = [
    ...posts.map((path) => ({ method: "POST", path: `/api/v1${path}` })),
    ...gets.map((path) => ({ method: "GET", path: `/api/v1${path}` }))
  ]
  const wrongMethod = known.filter((known) => known.path === path).map(({ method }) => method)
  if (wrongMethod.length > 0) return `${said} The method is ${wrongMethod.join(" or ")}.`
  const last = path.split("/").at(-1)
  const near = known.filter((known) =>
    last !== "" && (known.path.split("/").at(-1) === last || known.path.startsWith(`${path}/`))
  )
  const other = near.find((known) => known.method === method) ?? near[0]
  if (other !== undefined) return `${said} Did you mean ${other.method} ${other.path}?`
  return `${said} There are ${known.map(({ method, path }) => `${method} ${path}`).join(", ")}.`
}
