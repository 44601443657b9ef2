import { assert, describe, it } from "@effect/vitest"
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"
import { Effect, JsonSchema, Layer, Predicate, Result, Schema, Struct } from "effect"
import { CreateResponse, Input, OutputItem, Response, StreamEvent, Tool, Usage, Wire } from "effect-openrouter"
import { McpServer, Tool as AiTool, Toolkit } from "effect/ai"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { bodies, isPresent, streams } from "../stream/recorded.ts"
import { requiredOf, unions } from "./unions.ts"

type Json = Wire.JsonObject

// One for all, since it compiles the schema of JSON Schema first.
const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, inlineRefs: false })

const validator = (schema: Schema.Constraint): ValidateFunction => {
  const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema)
  return ajv.compile({ ...root, $defs: definitions })
}

const isRequest = validator(CreateResponse.CreateResponse)
const isResponse = validator(Response.Response)
const isEvent = validator(StreamEvent.StreamEvent)
const isItem = validator(OutputItem.OutputItem)

/** Requests whose function stands in an object `function`, as in Chat Completions; that API refuses them, ours does. */
const misspelt = [
  "reqllm-gpt-5-codex-object-streaming",
  "reqllm-o3-deep-research-object-streaming",
  "reqllm-o3-no-tool"
]

const requests = bodies("requests").filter(([name]) => !misspelt.includes(name))
const responses = bodies("responses")

interface Change {
  readonly what: string
  readonly json: unknown
}

const isJson = (u: unknown): u is Json => Predicate.isObject(u)

/** The JSON with one member of an object within it taken away or replaced. */
const put = (json: unknown, path: ReadonlyArray<string | number>, value: unknown): unknown => {
  const [head, ...rest] = path
  if (head === undefined) return value
  if (Array.isArray(json)) return json.map((one: unknown, index) => index === head ? put(one, rest, value) : one)
  if (!isJson(json)) return json
  const changed = put(json[head], rest, value)
  return Object.fromEntries([
    ...Object.entries(json).filter(([key]) => key !== head),
    ...(changed === undefined ? [] : [[head, changed]])
  ])
}

/** A value that no field of this protocol has: neither text, nor a number, an object, a list, or nothing. */
const wrong = (value: unknown) => typeof value === "boolean" ? "yes" : true

const armsOf = new Map(unions.map(({ arms, name }) => [name, arms]))

/** What is wrong with each member of a union without a part that it must have, or with a part of another type. */
const changesAt = (
  json: unknown,
  union: string,
  path: ReadonlyArray<string | number>,
  found: Array<Change>
): void => {
  const at = path.reduce<unknown>(
    (inner, key) => isJson(inner) || Array.isArray(inner) ? Reflect.get(inner, key) : inner,
    json
  )
  if (!isJson(at)) return
  const type = typeof at["type"] === "string" ? at["type"] : union === "InputItem" ? "message" : ""
  const arm = armsOf.get(union)?.[type]
  if (arm === undefined) return
  for (const name of requiredOf(arm)) {
    if (!(name in at)) continue
    // An input item without a type is a message.
    if (name === "type" && union === "InputItem" && "role" in at) continue
    found.push({ what: `${path.join(".")} without ${name}`, json: put(json, [...path, name], undefined) })
    found.push({ what: `${path.join(".")} with a wrong ${name}`, json: put(json, [...path, name], wrong(at[name])) })
  }
  const parts: Readonly<Record<string, string>> = union === "OutputItem"
    ? { content: type === "reasoning" ? "ReasoningPart" : "OutputPart", summary: "SummaryPart" }
    : union === "InputItem" && type === "message"
    ? { content: "InputPart" }
    : {}
  for (const [key, inner] of Object.entries(parts)) {
    const list = at[key]
    if (Array.isArray(list)) { for (const index of list.keys()) changesAt(json, inner, [...path, key, index], found) }
  }
}

const changesOf = (json: unknown, lists: Readonly<Record<string, string>>): ReadonlyArray<Change> => {
  const found: Array<Change> = []
  if (!isJson(json)) return found
  for (const [key, union] of Object.entries(lists)) {
    const list = json[key]
    if (Array.isArray(list)) { for (const index of list.keys()) changesAt(json, union, [key, index], found) }
  }
  return found
}

describe("JSON Schema of a response", () => {
  it.skipIf(!isPresent).each(responses)("accepts %s", (_, json) => {
    assert.isTrue(isResponse(json), JSON.stringify(isResponse.errors?.[0]))
  })

  it.skipIf(!isPresent).each(responses)("rejects %s without a part, or with one of another type", (_, json) => {
    const changes: Array<Change> = [...changesOf(json, { output: "OutputItem" })]
    for (const name of requiredOf(Response.Response)) {
      changes.push({ what: `without ${name}`, json: put(json, [name], undefined) })
    }
    for (const name of ["status", "output", "model", "id", "usage", "created_at", "parallel_tool_calls", "metadata"]) {
      if (!isJson(json) || (json[name] ?? null) === null) continue
      changes.push({ what: `with a wrong ${name}`, json: put(json, [name], wrong(json[name])) })
    }
    for (const name of ["input_tokens", "output_tokens", "cost", "is_byok"]) {
      if (!isJson(json) || !isJson(json["usage"]) || (json["usage"][name] ?? null) === null) continue
      changes.push({ what: `with wrong ${name}`, json: put(json, ["usage", name], "many") })
    }
    assert.isAbove(changes.length, 3)
    for (const { json, what } of changes) assert.isFalse(isResponse(json), what)
  })

  it("accepts null where reading does, and what it does not know", () => {
    assert.isTrue(isResponse({
      status: "novel",
      output: [{ type: "novel", other: 1 }],
      usage: null,
      error: null,
      temperature: null,
      novel: { a: 1 }
    }))
    assert.isFalse(isResponse({ status: null, output: [] }))
    assert.isFalse(isResponse({ status: "completed", output: null }))
  })
})

describe("JSON Schema of a request", () => {
  it.skipIf(!isPresent).each(requests)("accepts %s", (_, json) => {
    assert.isTrue(isRequest(json), JSON.stringify(isRequest.errors?.[0]))
  })

  it.skipIf(!isPresent).each(requests)("rejects %s without a part, or with one of another type", (_, json) => {
    const changes: Array<Change> = [...changesOf(json, { input: "InputItem", tools: "Tool" })]
    for (const [name, field] of Object.entries(CreateResponse.CreateResponse.fields)) {
      const key = Wire.snakeCase(name)
      if (!isJson(json) || (json[key] ?? null) === null) continue
      changes.push({ what: `with a wrong ${key}`, json: put(json, [key], wrong(json[key])) })
      assert.isDefined(field)
    }
    assert.isAbove(changes.length, 0)
    for (const { json, what } of changes) assert.isFalse(isRequest(json), what)
  })

  it.skipIf(!isPresent).each(bodies("requests").filter(([name]) => misspelt.includes(name)))(
    "rejects %s, whose function this API does not understand",
    (_, json) => {
      assert.isFalse(isRequest(json))
      const request = Result.getOrThrow(CreateResponse.fromWire(json))
      const tool = request.tools?.findLast(({ type }) => type === "unknown")
      assert.isDefined(tool?.type === "unknown" ? tool.issue : undefined)
    }
  )

  it("is that of what is written", () => {
    const body = CreateResponse.toBody({
      model: "openai/gpt-5",
      input: [Input.user([Input.text("Hi"), Input.image("https://example.com/a.png")])],
      tools: [Tool.make({ name: "now" }), Tool.webSearch(), {
        type: "unknown",
        wireType: "novel",
        raw: { type: "novel" }
      }],
      toolChoice: "auto",
      plugins: [{ id: "web" }],
      trace: { traceId: "t", mine: 1 },
      serviceTier: "novel"
    }, { stream: true })
    const json: unknown = JSON.parse(Result.getOrThrow(body))
    assert.isTrue(isRequest(json), JSON.stringify(isRequest.errors))
  })
})

describe("JSON Schema of the events", () => {
  const events = streams().flatMap(({ events, name }) => events.map((event) => [name, event] as const))

  it.skipIf(!isPresent)("accepts all recorded ones that are read without an issue", () => {
    for (const [name, json] of events) {
      const event = StreamEvent.decode(json)
      if (event.type === "unknown" && event.issue !== undefined) continue
      if (event.type === "unknown" && event.wireType === "") continue
      assert.isTrue(isEvent(json), `${name} ${event.type} ${JSON.stringify(isEvent.errors?.at(-1))}`)
    }
  })

  it("rejects those without what makes them up", () => {
    const delta = { type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "x" }
    assert.isTrue(isEvent(delta))
    assert.isFalse(isEvent({ ...delta, delta: 1 }))
    assert.isFalse(isEvent({ ...delta, output_index: undefined }))
    assert.isTrue(isEvent({ error: { message: "no" } }))
    assert.isFalse(isEvent({ delta: "x" }))
  })
})

describe("JSON Schema of an open union", () => {
  it("is that of its arms, or of a type that none of them has", () => {
    const { definitions } = Schema.toJsonSchemaDocument(OutputItem.OutputItem)
    const { anyOf } = definitions["OutputItem"] ?? {}
    const unknown: unknown = Array.isArray(anyOf) ? anyOf.at(-1) : undefined
    assert.deepStrictEqual(unknown, {
      type: "object",
      properties: { type: { type: "string", not: { enum: Object.keys(OutputItem.arms) } } },
      required: ["type"]
    })
    assert.isTrue(isItem({ type: "novel" }))
    assert.isFalse(isItem({ type: "function_call", name: "f", arguments: "{}" }))
    assert.isFalse(isItem({}))
    assert.isFalse(isItem("text"))
  })

  it.each(unions)("of $name is real", ({ arms, schema }) => {
    const is = validator(schema)
    assert.isFalse(is({}))
    assert.isFalse(is([]))
    const discriminator = "type" in (Object.values(arms)[0] ?? {}) ? "type" : "id"
    assert.isFalse(is({ [discriminator]: 1 }))
  })

  it("lists the known values of an open enum, and accepts any other text", () => {
    const { definitions } = Schema.toJsonSchemaDocument(OutputItem.FunctionCall)
    const { FunctionCall } = definitions
    assert.deepNestedInclude(FunctionCall, {
      "properties.status": {
        anyOf: [
          { type: "string", enum: ["completed", "incomplete", "in_progress"] },
          { type: "string" },
          { type: "null" }
        ]
      }
    })
  })
})

describe("JSON Schema of what others make of our schemas", () => {
  it("has the fields of an extension, by their names in JSON", () => {
    const Billed = Response.Response.mapFields(Struct.assign({ costCentre: Schema.String }))
    const is = validator(Billed)
    assert.isTrue(is({ status: "completed", output: [], cost_centre: "a" }))
    assert.isFalse(is({ status: "completed", output: [] }))
    const Tokens = Usage.Usage.mapFields(Struct.pick(["inputTokens", "outputTokens"]))
    assert.hasAllKeys(Schema.toJsonSchemaDocument(Tokens).schema["properties"], ["input_tokens", "output_tokens"])
    const Mine = Wire.Struct({ ...CreateResponse.CreateResponse.fields, tenant: Schema.String })
    const isMine = validator(Mine)
    assert.isTrue(isMine({ model: "a/b", tenant: "t" }))
    assert.isFalse(isMine({ model: 1, tenant: "t" }))
    assert.isFalse(isMine({ model: "a/b" }))
  })

  it("stays within a struct, a list, a union and a string of JSON", () => {
    const is = validator(
      Schema.Struct({ items: Schema.Array(OutputItem.OutputItem), call: Schema.NullOr(OutputItem.FunctionCall) })
    )
    assert.isTrue(is({ items: [{ type: "compaction", encrypted_content: "x" }], call: null }))
    assert.isFalse(is({ items: [{ type: "compaction" }], call: null }))
    assert.isFalse(is({ items: [], call: { type: "function_call" } }))
    const { schema } = Schema.toJsonSchemaDocument(Schema.fromJsonString(Usage.Usage))
    assert.strictEqual(schema["contentMediaType"], "application/json")
  })

  it("speaks of the type side in camelCase", () => {
    const is = validator(Schema.toType(OutputItem.OutputItem))
    assert.isTrue(is({ type: "function_call", callId: "c", name: "f", arguments: "{}" }))
    assert.isFalse(is({ type: "function_call", call_id: "c", name: "f", arguments: "{}" }))
  })

  it("stands in an OpenAPI document", () => {
    const { components, paths } = OpenApi.fromApi(
      HttpApi.make("gateway").add(
        HttpApiGroup.make("responses").add(
          HttpApiEndpoint.post("respond", "/responses", {
            payload: CreateResponse.CreateResponse,
            success: Response.Response
          })
        )
      )
    )
    assert.deepStrictEqual(paths["/responses"]?.post?.requestBody?.content["application/json"]?.schema, {
      $ref: "#/components/schemas/CreateResponse"
    })
    assert.containsSubset(components.schemas["CreateResponse"], {
      properties: { model: { anyOf: [{ type: "string" }, { type: "null" }] } }
    })
    assert.containsSubset(components.schemas["Response"], { required: ["status", "output"] })
  })

  it.effect("stands in a tool of an MCP server", () => {
    const tools = Toolkit.make(
      AiTool.make("ask", { parameters: CreateResponse.CreateResponse, success: Response.Response })
    )
    const handlers = tools.toLayer({ ask: ({ model }) => Effect.succeed({ status: model ?? "queued", output: [] }) })
    return Effect.gen(function*() {
      yield* McpServer.registerToolkit(tools)
      const { tools: registered } = yield* McpServer.McpServer
      const [ask] = registered
      assert.hasAnyKeys(ask?.tool.inputSchema.properties, ["model", "max_output_tokens"])
      assert.strictEqual(ask?.tool.inputSchema.type, "object")
    }).pipe(Effect.provide(Layer.merge(handlers, McpServer.McpServer.layer)))
  })

  it("can be had in the other dialects", () => {
    const document = Schema.toJsonSchemaDocument(CreateResponse.CreateResponse)
    assert.isDefined(JsonSchema.toDocumentDraft07(document).definitions["CreateResponse"])
    assert.isDefined(JsonSchema.toMultiDocumentOpenApi3_1({
      dialect: "draft-2020-12",
      schemas: [document.schema],
      definitions: document.definitions
    }))
  })
})
