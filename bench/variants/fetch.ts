/** `fetch` and `JSON.parse`. */
import * as Fixtures from "../fixtures.ts"
import { fromPromises, type Target } from "./Client.ts"
import * as Raw from "./raw.ts"

export const make = async (target: Target) => {
  const url = `${target.apiUrl}/responses`
  const send = (body: object, signal?: AbortSignal) =>
    fetch(url, { method: "POST", headers: Raw.headers, body: JSON.stringify(body), signal: signal ?? null })
  return fromPromises(target, {
    call: async (signal) => {
      const response = await send(Fixtures.request, signal)
      const body: unknown = JSON.parse(await response.text())
      return Raw.resultOf(response.status, body)
    },
    stream: async (onEvent) => {
      const response = await send({ ...Fixtures.request, stream: true })
      if (response.body === null) throw new Error("a stream has no body")
      return Raw.readEvents(response.body, onEvent)
    },
    isExpected: Raw.isExpected(target)
  })
}
