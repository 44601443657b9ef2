/**
 * Checks of the official examples, and of values generated from the specification, against our schemas.
 */
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { isDeepStrictEqual } from "node:util"
import { CreateResponse } from "../../src/domain/request/CreateResponse.ts"
import { InputItem } from "../../src/domain/request/Input.ts"
import { Plugin } from "../../src/domain/request/Plugin.ts"
import { ProviderPreferences } from "../../src/domain/request/ProviderPreferences.ts"
import { ReasoningConfig, StopCondition, TextConfig, Trace } from "../../src/domain/request/RequestSettings.ts"
import { Tool, ToolChoice } from "../../src/domain/request/Tool.ts"
import { OutputItem } from "../../src/domain/response/OutputItem.ts"
import type { Report } from "./report.ts"
import { asking, sensible } from "./sensible.ts"
import { forget, generator, isJson, members, type Spec, withoutNulls } from "./spec.ts"

/** Fields of the API that a request deliberately does not have. */
export const leftOut: ReadonlyMap<string, string> = new Map([
  ["stream", "chosen by the function that is called"],
  ["store", "only false is accepted, which is the default"],
  ["previous_response_id", "rejected by the API, which is stateless"],
  ["background", "the API has no way to fetch the answer later"],
  ["route", "deprecated alias of provider.sort.partition"]
])

type Codec = Schema.Codec<unknown, unknown>

const issueText = (issue: SchemaIssue.Issue) => SchemaIssue.makeFormatterDefault()(issue)

/** Types that a generator made up where the specification allows any. */
const madeUp = (wireType: unknown) => typeof wireType === "string" && !/^[a-z][a-z_:0-9-]{3,}$/.test(wireType)

/** Where a decoded value contains a part that no arm fits, or undefined. */
export const unknownPart = (value: unknown, path = ""): string | undefined => {
  if (Array.isArray(value)) {
    return value.reduce<string | undefined>(
      (found, one, index) => found ?? unknownPart(one, `${path}[${index}]`),
      undefined
    )
  }
  if (!isJson(value)) return undefined
  if (value["type"] === "unknown" && "raw" in value) {
    return value["issue"] === undefined && madeUp(value["wireType"])
      ? undefined
      : `${path || "."} is unknown: ${String(value["wireType"])} ${String(value["issue"] ?? "")}`
  }
  return Object.entries(value).reduce<string | undefined>(
    (found, [key, one]) => found ?? unknownPart(one, `${path}.${key}`),
    undefined
  )
}

/** Where two values differ, or undefined. */
const difference = (actual: unknown, expected: unknown, path = ""): string | undefined => {
  if (isDeepStrictEqual(actual, expected)) return undefined
  const isPair = isJson(actual) && isJson(expected) ||
    Array.isArray(actual) && Array.isArray(expected) && actual.length === expected.length
  if (!isPair) return `${path || "."}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`
  const members = new Map<string, unknown>(Object.entries(actual))
  const wanted = new Map<string, unknown>(Object.entries(expected))
  return Array.from(new Set([...members.keys(), ...wanted.keys()])).reduce<string | undefined>(
    (found, key) => found ?? difference(members.get(key), wanted.get(key), `${path}.${key}`),
    undefined
  )
}

/** What is wrong with the round trip of a value: typed, encoded as it came, and encoded from its fields alone. */
const roundTrip = (codec: Codec) => {
  const decode = SchemaParser.decodeUnknownExit(codec)
  const encode = SchemaParser.encodeUnknownExit(codec)
  const failure = (exit: Exit.Failure<unknown, SchemaIssue.Issue>) => {
    const issue = Exit.findErrorOption(exit)
    return issue._tag === "Some" ? issueText(issue.value) : "died"
  }
  return (json: unknown): { readonly problem?: string; readonly fromFields?: string } => {
    const decoded = decode(json)
    if (Exit.isFailure(decoded)) return { problem: `does not decode: ${failure(decoded)}` }
    const unknown = unknownPart(decoded.value)
    if (unknown !== undefined) return { problem: unknown }
    const encoded = encode(decoded.value)
    if (Exit.isFailure(encoded)) return { problem: `does not encode: ${failure(encoded)}` }
    const lost = difference(withoutNulls(encoded.value), withoutNulls(json))
    if (lost !== undefined) return { problem: `comes back with ${lost}` }
    const copy = encode(forget(decoded.value))
    if (Exit.isFailure(copy)) return { fromFields: `a copy does not encode: ${failure(copy)}` }
    const forgotten = difference(withoutNulls(copy.value), withoutNulls(json))
    return forgotten === undefined ? {} : { fromFields: `a copy comes back with ${forgotten}` }
  }
}

/** Every official example of an output item has a typed arm and comes back as it was. */
export const checkOutputItems = (spec: Spec, report: Report) => {
  const check = roundTrip(OutputItem)
  let copies = 0
  const examples = Object.entries(spec.outputItems)
  for (const [type, example] of examples) {
    const { fromFields, problem } = check(example)
    report.check(`example of ${type}`, problem ?? fromFields)
    if (problem === undefined && fromFields === undefined) copies += 1
  }
  report.note(`${copies} of ${examples.length} examples of output items also come back from a copy without their JSON`)
}

/** The unions of a request by the place where the specification has them. */
const unions = (spec: Spec): ReadonlyArray<readonly [codec: Codec, names: ReadonlyArray<string>]> => {
  const request = spec.schemas["ResponsesRequest"]
  const properties = isJson(request) && isJson(request["properties"]) ? request["properties"] : {}
  return [
    [CreateResponse, ["ResponsesRequest"]],
    [OutputItem, members(spec, spec.schemas["OutputItems"])],
    [InputItem, members(spec, spec.schemas["Inputs"])],
    [Tool, members(spec, properties["tools"])],
    [Plugin, members(spec, properties["plugins"])],
    [StopCondition, members(spec, spec.schemas["StopServerToolsWhenCondition"])],
    [ToolChoice, ["OpenAIResponsesToolChoice"]],
    [ProviderPreferences, ["ProviderPreferences"]],
    [ReasoningConfig, ["ReasoningConfig"]],
    [TextConfig, ["TextExtendedConfig"]],
    [Trace, ["TraceConfig"]]
  ]
}

/** The same for every member of the unions of a request, and for values of it generated with every optional field. */
export const checkMembers = (
  spec: Spec,
  report: Report,
  options: { readonly count: number; readonly seed: number }
) => {
  for (const [codec, names] of unions(spec)) {
    const check = roundTrip(codec)
    for (const name of names) {
      const example = spec.examples[name]
      if (isJson(example)) {
        const { fromFields, problem } = check(example)
        report.check(`example of ${name}`, problem ?? fromFields)
      }
      const next = generator(spec, name, { seed: options.seed, optionalsProbability: 0.9 })
      for (let n = 0; n < options.count; n++) {
        const generated = sensible(next())
        const value = name === "ResponsesRequest" && isJson(generated)
          ? asking(Object.fromEntries(Object.entries(generated).filter(([field]) => !leftOut.has(field))))
          : generated
        if (value === null) continue
        const { fromFields, problem } = check(value)
        report.check(`generated ${name}`, problem ?? fromFields)
      }
    }
  }
}
