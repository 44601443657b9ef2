/** The reference: `undici.request` and `JSON.parse`; what any client on Node has to pay. */
import { Agent, request } from "undici"
import * as Fixtures from "../fixtures.ts"
import { fromPromises, type Target } from "./Client.ts"
import * as Raw from "./raw.ts"

export const make = async (target: Target) => {
  const url = `${target.apiUrl}/responses`
  const dispatcher = new Agent()
  const send = (body: object, signal?: AbortSignal) =>
    request(url, {
      method: "POST",
      headers: Raw.headers,
      body: JSON.stringify(body),
      dispatcher,
      signal: signal ?? null
    })
  return fromPromises(target, {
    call: async (signal) => {
      const response = await send(Fixtures.request, signal)
      const body: unknown = JSON.parse(await response.body.text())
      return Raw.resultOf(response.statusCode, body)
    },
    stream: async (onEvent) => {
      const response = await send({ ...Fixtures.request, stream: true })
      return Raw.readEvents(response.body, onEvent)
    },
    isExpected: Raw.isExpected(target)
  })
}
