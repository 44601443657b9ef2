import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { Outcome, OutputItem, Response, Wire } from "effect-openrouter"
import { bodies, isPresent } from "../stream/recorded.ts"

const outcomeOf = (json: unknown): Outcome.Outcome | undefined => {
  const response = Response.decode(json)
  if (Result.isFailure(response)) return undefined
  const outcome = Outcome.fromResponse(response.success, { headers: {}, attempts: 1, now: 0 })
  return Result.isSuccess(outcome) ? outcome.success : undefined
}

const answered = bodies("responses").flatMap(([name, json]) => {
  const outcome = outcomeOf(json)
  return outcome === undefined ? [] : [[name, json, outcome] as const]
})

const stored = Schema.toCodecJson(Outcome.Outcome)

/** Through the schema, and through text as a database would have it. */
const ways: ReadonlyArray<readonly [way: string, (outcome: Outcome.Outcome) => Outcome.Outcome]> = [
  ["its schema", (outcome) => Schema.decodeSync(Outcome.Outcome)(Schema.encodeSync(Outcome.Outcome)(outcome))],
  ["JSON", (outcome) => Schema.decodeSync(stored)(Schema.encodeSync(stored)(outcome))],
  [
    "JSON text",
    (outcome) => {
      const text = Schema.fromJsonString(stored)
      return Schema.decodeSync(text)(Schema.encodeSync(text)(outcome))
    }
  ]
]

const novel = {
  id: "gen-1",
  status: "completed",
  model: "a/b",
  usage: { input_tokens: 1, cost: 0.5, novel: 1 },
  output: [
    { type: "novel", a: { b: null } },
    { type: "function_call", call_id: "c", name: "f", arguments: "{}", novel: { a: 1 } },
    { type: "message", role: "assistant", content: [{ type: "output_text", text: "Hi", novel: 2 }, { type: "novel" }] },
    { type: "function_call", name: "malformed" }
  ],
  novel: { deep: [{ a: null }] },
  temperature: "warm"
}

describe("an outcome that was stored", () => {
  it.each(ways)("keeps by %s all that the response had, also what is unknown", (_, through) => {
    const outcome = outcomeOf(novel)
    if (outcome === undefined) return assert.fail("no outcome")
    const again = through(outcome)
    assert.deepStrictEqual(Wire.raw(again.response), novel)
    assert.deepStrictEqual(again.response.output.map(Wire.raw), novel.output)
    assert.isUndefined(again.response.temperature)
    assert.deepStrictEqual(Schema.encodeSync(stored)(again), Schema.encodeSync(stored)(outcome))
    assert.strictEqual(again._tag, outcome._tag)
    const items = Schema.encodeSync(Schema.Array(OutputItem.OutputItem))(again.response.output)
    assert.deepStrictEqual(items, novel.output)
  })

  it.skipIf(!isPresent).each(ways)("comes back by %s from every recording", (_, through) => {
    for (const [name, json, outcome] of answered) {
      const again = through(outcome)
      // In JSON text there is no negative zero.
      assert.deepStrictEqual(JSON.stringify(Wire.raw(again.response)), JSON.stringify(json), name)
      assert.deepStrictEqual(
        JSON.stringify(Schema.encodeSync(stored)(again)),
        JSON.stringify(Schema.encodeSync(stored)(outcome)),
        name
      )
    }
  })

  it("is read and written from its fields if it was made by hand", () => {
    const outcome: Outcome.Outcome = {
      _tag: "Empty",
      attempts: 1,
      response: { status: "completed", output: [], openrouterMetadata: {} }
    }
    const json = Schema.encodeSync(Outcome.Outcome)(outcome)
    assert.deepStrictEqual(json, {
      _tag: "Empty",
      attempts: 1,
      response: { status: "completed", output: [], openrouter_metadata: {} }
    })
    assert.deepStrictEqual(Schema.decodeSync(Outcome.Outcome)(json), outcome)
    assert.isFalse(Schema.is(Outcome.Outcome)({ ...outcome, response: { anything: 1 } }))
  })
})
