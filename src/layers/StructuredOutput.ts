/**
 * Answers of a given shape: an Effect Schema becomes the strict JSON Schema of the request, and decodes the answer.
 *
 * @since 0.1.0
 */
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import * as Arr from "effect/Array"
import * as Channel from "effect/Channel"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as Stream from "effect/Stream"
import { InvalidOutput, InvalidRequest } from "../domain/error/OpenRouterError.ts"
import type { AnswerError } from "../domain/error/OpenRouterError.ts"
import * as Outcome from "../domain/outcome/Outcome.ts"
import type { Completed } from "../domain/outcome/Outcome.ts"
import type { Asking, CreateResponse, Sendable } from "../domain/request/CreateResponse.ts"
import * as RequestBody from "../domain/request/RequestBody.ts"
import * as StrictSchema from "../domain/request/StrictSchema.ts"
import * as PartialJson from "../domain/stream/PartialJson.ts"
import * as ShownText from "../domain/stream/ShownText.ts"
import type { StreamEvent } from "../domain/stream/StreamEvent.ts"
import * as Wire from "../domain/wire/Wire.ts"
import { CurrentObjectProblem, CurrentObjectSchema, OpenRouter, respond } from "../services/OpenRouter.ts"
import type { RespondError, StreamError } from "../services/OpenRouter.ts"

/**
 * What a request for an object is made of; {@link SendableObject} is what the calls take.
 *
 * @since 0.1.0
 */
export interface ObjectRequest<A, E> extends Omit<CreateResponse, "text"> {
  /** The shape of the answer; its root must be a struct or a class. */
  readonly schema: Schema.Codec<A, E>
  /**
   * The name of the shape, which the model sees. Default: the schema's identifier, or `answer`. What is neither a letter nor a
   * digit in it is sent as `_`.
   */
  readonly schemaName?: string | undefined
  /** What the shape is for; the model sees it. */
  readonly schemaDescription?: string | undefined
  readonly text?: Omit<NonNullable<CreateResponse["text"]>, "format"> | undefined
}

/**
 * A request for an object that says what to answer: it has an `input` or a `prompt`.
 *
 * @since 0.1.0
 */
export type SendableObject<A, E> = ObjectRequest<A, E> & Asking

/**
 * How {@link respondObject} can fail.
 *
 * @since 0.1.0
 */
export type ObjectError = RespondError | InvalidOutput

/**
 * A decoded answer, with all that `respond` gives.
 *
 * @since 0.1.0
 */
export interface ObjectAnswer<A> extends Completed {
  readonly value: A
}

/**
 * Sends a request for an object and succeeds with the decoded value, beside all that `respond` gives.
 *
 * Providers do not all enforce the shape, so the answer is always decoded: one that does not fit is `InvalidOutput` with
 * its text, usage and cost. A schema that OpenRouter's strict mode cannot express, such as `Schema.Unknown`, is
 * `InvalidRequest`, before anything is sent; `Schema.fromJsonString(Schema.Unknown)` asks for JSON text in its place. Optional
 * fields are asked for as nullable, and a `Schema.Number` as a finite one.
 *
 * **Example** (What does a character want?)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 *
 * const Intention = Schema.Struct({ action: Schema.String, target: Schema.optionalKey(Schema.String) })
 *
 * const intention = Effect.gen(function*() {
 *   const { value, cost } = yield* OpenRouter.respondObject({
 *     model: "openai/gpt-5",
 *     input: "What does Bob want?",
 *     schema: Intention
 *   })
 *   return { action: value.action, cost }
 * })
 * ```
 *
 * @since 0.1.0
 */
export const respondObject = <A, E>(
  request: SendableObject<A, E>
): Effect.Effect<ObjectAnswer<A>, ObjectError, OpenRouter> =>
  Effect.flatMap(prepared(request), ({ asked, problem, read }) =>
    Effect.flatMap(
      respond(asked).pipe(
        Effect.provideService(CurrentObjectSchema, request.schema),
        Effect.provideService(CurrentObjectProblem, problem)
      ),
      (answer) => Effect.fromResult(read(answer))
    ))

/**
 * A piece of a streamed object: what there is of it so far, and at the end the decoded answer.
 *
 * @since 0.1.0
 */
export type ObjectPart<A> =
  | { readonly _tag: "Partial"; readonly value: Wire.JsonObject }
  | { readonly _tag: "Complete"; readonly answer: ObjectAnswer<A> }

/**
 * Sends a request for an object and gives it while it arrives: partial values as JSON, then the decoded answer.
 *
 * A partial value has what is complete of each field, and texts as far as they go, but not half of a surrogate pair; nothing
 * about it is checked. Commentary is no part of it. It comes
 * at most as often as the text has grown by a fiftieth, so that long answers stay cheap. The stream fails as `stream` does,
 * and with `InvalidOutput` if the whole answer does not fit.
 *
 * **Example** (Showing the action as soon as it is known)
 *
 * ```ts
 * import { Console, Schema, Stream } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 *
 * const program = OpenRouter.streamObject({
 *   model: "openai/gpt-5",
 *   input: "What does Bob want?",
 *   schema: Schema.Struct({ action: Schema.String })
 * }).pipe(
 *   Stream.runForEach((part) =>
 *     part._tag === "Partial" ? Console.log(part.value["action"]) : Console.log(part.answer.value.action, part.answer.cost)
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 */
export const streamObject = <A, E>(
  request: SendableObject<A, E>
): Stream.Stream<ObjectPart<A>, StreamError | AnswerError | InvalidOutput, OpenRouter> =>
  Stream.unwrap(Effect.map(prepared(request), ({ asked, problem, read }) => {
    const text = PartialJson.make()
    const answer = ShownText.make()
    let shown = 0
    const partial = (events: ReadonlyArray<StreamEvent>): ReadonlyArray<ObjectPart<A>> => {
      for (const event of events) text.push(answer.next(event))
      if (text.length() <= shown * 1.02) return []
      shown = text.length()
      const value = text.value()
      return Wire.isJsonObject(value) ? [{ _tag: "Partial", value }] : []
    }
    const complete = (
      outcome: Outcome.Outcome
    ): Channel.Channel<Arr.NonEmptyReadonlyArray<ObjectPart<A>>, AnswerError | InvalidOutput> => {
      if (outcome._tag !== "Completed") return Channel.fail(Outcome.toError(outcome))
      const answer = read(outcome)
      return Result.isSuccess(answer)
        ? Channel.succeed(Arr.of<ObjectPart<A>>({ _tag: "Complete", answer: answer.success }))
        : Channel.fail(answer.failure)
    }
    return Stream.fromChannel(Channel.unwrap(OpenRouter.useSync((service) =>
      service.events(asked).pipe(
        Channel.map(partial),
        Channel.filter(Arr.isReadonlyArrayNonEmpty),
        Channel.concatWith(complete)
      )
    ))).pipe(
      Stream.provideService(CurrentObjectSchema, request.schema),
      Stream.provideService(CurrentObjectProblem, problem)
    )
  }))

/**
 * The request as it is sent, and how to read its answer.
 *
 * @internal
 */
export const prepared = <A, E>(
  request: SendableObject<A, E>
): Effect.Effect<
  {
    readonly asked: Sendable
    readonly read: (answer: Completed) => Result.Result<ObjectAnswer<A>, InvalidOutput>
    readonly problem: (answer: Completed) => InvalidOutput | undefined
  },
  InvalidRequest
> =>
  Effect.flatMap(CurrentObjectFormats, (formats) => {
    const parts = RequestBody.readable(request, () => partsOf(request))
    if (Result.isFailure(parts)) return Effect.fail(parts.failure)
    const { asking, schema, schemaDescription, schemaName, text } = parts.success
    const format = formatOf(schema, formats)
    if (Result.isFailure(format)) {
      return Effect.fail(new InvalidRequest({ origin: "local", field: "schema", message: `schema: ${format.failure}` }))
    }
    const asked: Sendable = {
      ...asking,
      text: {
        ...text,
        format: {
          type: "json_schema",
          name: plainName(schemaName ?? SchemaAST.resolveIdentifier(schema.ast)),
          description: schemaDescription,
          schema: format.success.jsonSchema,
          strict: true
        }
      }
    }
    const read = remembering((answer: Completed) => toObject(answer, schema, format.success))
    return Effect.succeed({
      asked,
      read,
      problem: (answer: Completed) => Result.getOrUndefined(Result.flip(read(answer)))
    })
  })

/** The span of a call asks before its caller does; an answer is read once. */
const remembering = <A extends object, B>(f: (value: A) => B): (value: A) => B => {
  let last: { readonly value: A; readonly made: B } | undefined
  return (value) => {
    if (last?.value !== value) last = { value, made: f(value) }
    return last.made
  }
}

/** What is the library's, and what is OpenRouter's. */
const partsOf = <A, E>(request: SendableObject<A, E>) => {
  const { schema, schemaDescription, schemaName, text, ...asking } = request
  return { schema, schemaDescription, schemaName, text, asking }
}

/** What is prepared once for a schema: the format to ask for, and how to read the answer. */
interface ObjectFormat {
  readonly jsonSchema: Wire.JsonObject
  readonly decode: (json: unknown) => Exit.Exit<unknown, SchemaIssue.Issue>
}

/** Formats by schema. A schema that is no longer used takes its format with it. */
const CurrentObjectFormats = Context.Reference<WeakMap<object, Result.Result<ObjectFormat, string>>>(
  "effect-openrouter/StructuredOutput/CurrentObjectFormats",
  { defaultValue: () => new WeakMap() }
)

const formatOf = <A, E>(
  schema: Schema.Codec<A, E>,
  formats: WeakMap<object, Result.Result<ObjectFormat, string>>
): Result.Result<ObjectFormat, string> => {
  const known = formats.get(schema)
  if (known !== undefined) return known
  const converted = Result.try({
    try: () => toCodecOpenAI(schema),
    catch: (cause) =>
      "must have a struct at the root, and parts that OpenRouter's strict mode can express" +
      (cause instanceof Error ? ` (${cause.message})` : "")
  })
  const format = Result.flatMap(converted, ({ codec, jsonSchema }): Result.Result<ObjectFormat, string> => {
    const strict = StrictSchema.withFiniteNumbers(jsonSchema)
    const untyped = StrictSchema.untypedPart(strict)
    return untyped === undefined
      ? Result.succeed({ jsonSchema: strict, decode: SchemaParser.decodeUnknownExit(codec) })
      : Result.fail(
        `must say what ${untyped} is, because OpenRouter's strict mode takes nothing that may be anything; ` +
          "Schema.fromJsonString(Schema.Unknown) asks for JSON text"
      )
  })
  formats.set(schema, format)
  return format
}

/** The name must be plain for all providers: letters, digits, `_` and `-`, at most 64. */
const plainName = (name = ""): string => name.replace(/[^a-zA-Z0-9_-]+/g, "_").slice(0, 64) || "answer"

const formatIssue = SchemaIssue.makeFormatterDefault()

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

const maxPaths = 3

/** Where an answer does not fit, in the words of the schema: a name that the model chose is a `*`. */
const placesOf = (issue: SchemaIssue.Issue, jsonSchema: Wire.JsonObject): string => {
  const names = namesOf(jsonSchema)
  const paths = formatIssues(issue).issues.map(({ path = [] }) =>
    RequestBody.pathText(path.map((segment) => {
      const key = typeof segment === "object" ? segment.key : segment
      return typeof key === "number" || names.has(String(key)) ? key : "*"
    })) ?? "the whole of it"
  )
  return Arr.dedupe(paths).slice(0, maxPaths).join(", ")
}

/** The names of all properties that a JSON Schema describes. */
const namesOf = (jsonSchema: unknown, names: Set<string> = new Set()): ReadonlySet<string> => {
  if (Array.isArray(jsonSchema)) { for (const inner of jsonSchema) namesOf(inner, names) }
  if (!Wire.isJsonObject(jsonSchema)) return names
  const { properties } = jsonSchema
  if (Wire.isJsonObject(properties)) { for (const name of Object.keys(properties)) names.add(name) }
  for (const inner of Object.values(jsonSchema)) namesOf(inner, names)
  return names
}

const toObject = <A, E>(
  answer: Completed,
  schema: Schema.Codec<A, E>,
  { decode, jsonSchema }: ObjectFormat
): Result.Result<ObjectAnswer<A>, InvalidOutput> => {
  const invalid = (problem: string, issue = problem) => Result.fail(invalidOutput(answer, problem, issue))
  if (answer.text === "") return invalid("it has no text")
  let json: unknown
  try {
    json = JSON.parse(answer.text)
  } catch (cause) {
    // The parser's words quote the answer.
    return invalid("it is not JSON", `the answer is not JSON: ${cause instanceof Error ? cause.message : "unreadable"}`)
  }
  const exit = decode(json)
  if (Exit.isFailure(exit)) {
    const issue = Option.getOrUndefined(Exit.findErrorOption(exit))
    return issue === undefined
      ? invalid("it cannot be decoded")
      : invalid(`at ${placesOf(issue, jsonSchema)}`, formatIssue(issue))
  }
  return Schema.is(schema)(exit.value)
    ? Result.succeed({ ...answer, value: exit.value })
    : invalid("its value is none of the schema")
}

/** `problem` gets into logs and traces with the message, `issue` only into the error. */
const invalidOutput = (answer: Completed, problem: string, issue: string): InvalidOutput =>
  new InvalidOutput({
    message: `the answer does not have the shape that was asked for: ${problem}`,
    text: answer.text,
    issue,
    response: answer.response,
    attempts: answer.attempts,
    ...Wire.compact({
      model: answer.model,
      generationId: answer.generationId,
      usage: answer.usage,
      cost: answer.cost,
      callCost: answer.callCost
    })
  })
