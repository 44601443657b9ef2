import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { CreateResponse } from "effect-openrouter"
import { mutate } from "./mutate.ts"
import { asked, fuzz, recorded } from "./support.ts"

/** Why a request is not read as it must be, or undefined. What is accepted is written, and read again as the same. */
const problem = (json: unknown): string | undefined => {
  const read = CreateResponse.fromWire(json)
  if (Result.isFailure(read)) return read.failure._tag === "InvalidRequest" ? undefined : "another error"
  const body = CreateResponse.toBody(read.success, { stream: false })
  if (Result.isFailure(body)) return body.failure._tag === "InvalidRequest" ? undefined : "another error"
  const again = CreateResponse.fromWire(JSON.parse(body.success))
  if (Result.isFailure(again)) return `is not read again: ${again.failure.message.slice(0, 200)}`
  const same = CreateResponse.toBody(again.success, { stream: false })
  return Result.isSuccess(same) && same.success === body.success ? undefined : "is not written again as the same"
}

describe("a request that was changed at random", () => {
  it.live("is a request or InvalidRequest", () =>
    fuzz({
      name: "requests",
      cases: 3500,
      corpus: [...asked.map((body) => JSON.stringify(body)), ...recorded("requests")],
      mutate,
      run: ({ text }) =>
        Effect.sync(() => {
          let json: unknown = text
          try {
            json = JSON.parse(text)
          } catch {
            // What is not JSON is still a value that a caller may pass.
          }
          return problem(json)
        })
    }), 60_000)
})

describe("what JSON cannot hold", () => {
  it.effect("a number beyond its range is refused, and not sent as null", () =>
    Effect.sync(() => {
      const tool = JSON.parse(`{"type":"novel","limit":1e999}`)
      const read = CreateResponse.fromWire({ input: "Hello", tools: [tool] })
      const body = Result.flatMap(read, (request) => CreateResponse.toBody(request, { stream: false }))
      assert.isTrue(Result.isFailure(body))
    }))
})
