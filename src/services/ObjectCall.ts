/**
 * One call for an object: how it is asked for, how its answer is read, and how it is asked again.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as CallCost from "../domain/error/CallCost.ts"
import { InvalidOutput, InvalidRequest } from "../domain/error/OpenRouterError.ts"
import type { RequestError } from "../domain/error/OpenRouterError.ts"
import * as ObjectFormat from "../domain/object/ObjectFormat.ts"
import { UnansweredCalls } from "../domain/object/UnansweredCalls.ts"
import * as Outcome from "../domain/outcome/Outcome.ts"
import type { CreateResponse, Sendable } from "../domain/request/CreateResponse.ts"
import * as RequestBody from "../domain/request/RequestBody.ts"
import * as Wire from "../domain/wire/Wire.ts"
import { CurrentDefaults } from "./Defaults.ts"
import { CurrentObjectProblem, CurrentObjectSchema, outcome } from "./OpenRouter.ts"
import type { OpenRouter } from "./OpenRouter.ts"
import * as Reask from "./Reask.ts"
import type { ObjectAnswer, SendableObject, ValueError } from "./StructuredOutput.ts"

/**
 * A request as it is sent, and how to read its answer.
 *
 * @since 0.1.0
 */
export interface ObjectCall<A> {
  readonly asked: Sendable
  readonly format: ObjectFormat.ObjectFormat
  readonly repair: boolean
  readonly reask: Reask.Reask | undefined
  readonly read: (outcome: Outcome.Outcome) => Result.Result<ObjectAnswer<A>, ValueError>
  /** The same of an answer. It is read once, although its trace asks before its caller does. */
  readonly readAnswer: (answer: Outcome.Completed) => Result.Result<ObjectAnswer<A>, AnswerFlaw>
  readonly problem: (answer: Outcome.Completed) => AnswerFlaw | undefined
}

/**
 * What is wrong with an answer that has no value.
 *
 * @since 0.1.0
 */
export type AnswerFlaw = InvalidOutput | UnansweredCalls

type Format = Result.Result<ObjectFormat.ObjectFormat, string>

/** The formats of a schema, by what is asked for: a value of it or a list of them, strict or not. */
type Formats = Map<string, Format>

/**
 * Formats by schema, each made once. A schema that is no longer used takes its formats with it.
 *
 * @since 0.1.0
 */
export const CurrentObjectFormats: Context.Reference<WeakMap<object, Formats>> = /* @__PURE__ */ Context.Reference<
  WeakMap<object, Formats>
>("effect-openrouter/StructuredOutput/CurrentObjectFormats", { defaultValue: () => new WeakMap() })

/**
 * The format of a schema, or why it has none. A list that is made for each call is known by the schema of its `elements`.
 *
 * @since 0.1.0
 */
export const formatOf = (
  schema: Schema.Constraint,
  isStrict: boolean,
  formats: WeakMap<object, Formats>,
  elements?: Schema.Constraint
): Format => {
  const key = elements ?? schema
  const known = formats.get(key) ?? new Map<string, Format>()
  formats.set(key, known)
  const kind = `${isStrict ? "strict" : "plain"} ${elements === undefined ? "value" : "list"}`
  const format = known.get(kind) ?? ObjectFormat.make(schema, isStrict)
  known.set(kind, format)
  return format
}

/**
 * The error of a schema that cannot be asked for.
 *
 * @since 0.1.0
 */
export const invalidSchema = (problem: string): InvalidRequest =>
  new InvalidRequest({ origin: "local", field: "schema", message: `schema: ${problem}` })

/**
 * Prepares a call.
 *
 * @since 0.1.0
 */
export const prepared = <A, E>(
  request: SendableObject<A, E>,
  elements?: Schema.Constraint
): Effect.Effect<ObjectCall<A>, InvalidRequest> =>
  Effect.flatMap(CurrentObjectFormats, (formats) =>
    Effect.flatMap(CurrentDefaults, (defaults) => {
      const parts = RequestBody.readable(request, () => partsOf(request, defaults))
      if (Result.isFailure(parts)) return Effect.fail(parts.failure)
      const { asking, reask, repair = true, schema, schemaDescription, schemaName, strict = true, text } = parts.success
      const made = formatOf(schema, strict, formats, elements)
      if (Result.isFailure(made)) return Effect.fail(invalidSchema(made.failure))
      const format = made.success
      const asked: Sendable = {
        ...asking,
        text: {
          ...text,
          format: {
            type: "json_schema",
            name: plainName(schemaName ?? SchemaAST.resolveIdentifier(schema.ast)),
            description: schemaDescription,
            schema: format.jsonSchema,
            strict
          }
        }
      }
      const readAnswer = remembering((answer: Outcome.Completed) => answerOf(answer, format, schema, repair))
      return Effect.succeed({
        asked,
        format,
        repair,
        reask,
        read: (outcome) => outcome._tag === "Completed" ? readAnswer(outcome) : Result.fail(Outcome.toError(outcome)),
        readAnswer,
        problem: (answer) => Result.getOrUndefined(Result.flip(readAnswer(answer)))
      })
    }))

const remembering = <A extends object, B>(f: (value: A) => B): (value: A) => B => {
  let last: { readonly value: A; readonly made: B } | undefined
  return (value) => {
    if (last?.value !== value) last = { value, made: f(value) }
    return last.made
  }
}

/** What is the library's, and what is OpenRouter's. */
const partsOf = <A, E>(request: SendableObject<A, E>, defaults: CreateResponse) => {
  const { reask, repair, schema, schemaDescription, schemaName, strict, text, ...asking } = request
  const given = asking.provider ?? defaults.provider
  const provider = given?.requireParameters === undefined ? { ...given, requireParameters: true } : given
  return { reask, repair, schema, schemaDescription, schemaName, strict, text, asking: { ...asking, provider } }
}

/** The name must be plain for all providers: letters, digits, `_` and `-`, at most 64. */
const plainName = (name = ""): string => name.replace(/[^a-zA-Z0-9_-]+/g, "_").slice(0, 64) || "answer"

/**
 * What came of a call.
 *
 * @since 0.1.0
 */
export interface Ended<A> {
  readonly outcome: Outcome.Outcome
  readonly answer: Result.Result<ObjectAnswer<A>, ValueError>
}

/**
 * Sends a request for an object, and again if that is wanted.
 *
 * @since 0.1.0
 */
export const run = <A, E>(request: SendableObject<A, E>): Effect.Effect<Ended<A>, RequestError, OpenRouter> =>
  Effect.flatMap(prepared(request), (call) => {
    const once = (asked: Sendable) =>
      outcome(asked).pipe(
        Effect.provideService(CurrentObjectSchema, request.schema),
        Effect.provideService(CurrentObjectProblem, call.problem)
      )
    const first = Effect.map(once(call.asked), (outcome): Ended<A> => ({ outcome, answer: call.read(outcome) }))
    return call.reask === undefined ? first : Effect.flatMap(first, (ended) => again(call, once, ended))
  })

/** Asks until there is a value, or it is enough. */
const again = Effect.fnUntraced(function*<A>(
  call: ObjectCall<A>,
  once: (asked: Sendable) => Effect.Effect<Outcome.Outcome, RequestError, OpenRouter>,
  first: Ended<A>
): Effect.fn.Return<Ended<A>, RequestError, OpenRouter> {
  let ended = first
  for (let times = 0;; times++) {
    const failure = Result.isFailure(ended.answer) ? ended.answer.failure : undefined
    if (failure?._tag !== "InvalidOutput") return ended
    const asked = Reask.next(call.asked, call.reask, times, failure)
    if (asked === undefined) return ended
    const spent = Reask.spentOn(ended.outcome)
    const result = yield* Effect.result(once(asked))
    if (Result.isFailure(result)) {
      // The budget says that it is enough; the answer was paid for.
      if (result.failure._tag === "BudgetExceeded") return ended
      return yield* Effect.fail(Reask.failed(result.failure, spent, CallCost.withCallCost))
    }
    const outcome = Reask.withSpent(result.success, spent)
    ended = { outcome, answer: call.read(outcome) }
  }
})

/**
 * Reads the value of an outcome, or says why it has none.
 *
 * @since 0.1.0
 */
export const read = <A, E>(
  outcome: Outcome.Outcome,
  format: ObjectFormat.ObjectFormat,
  schema: Schema.Codec<A, E>,
  repair: boolean
): Result.Result<ObjectAnswer<A>, ValueError> =>
  outcome._tag === "Completed"
    ? answerOf(outcome, format, schema, repair)
    : Result.fail(Outcome.toError(outcome))

const answerOf = <A, E>(
  answer: Outcome.Completed,
  format: ObjectFormat.ObjectFormat,
  schema: Schema.Codec<A, E>,
  repair: boolean
): Result.Result<ObjectAnswer<A>, AnswerFlaw> => {
  const decoded = ObjectFormat.decodeText(format, schema, answer.text, repair)
  if (Result.isSuccess(decoded)) return Result.succeed({ ...answer, ...decoded.success })
  return Result.fail(errorOf(answer, decoded.failure))
}

/**
 * The error of an answer without a value: that it only calls functions, or what is wrong with it.
 *
 * @since 0.1.0
 */
export const errorOf = (answer: Outcome.Completed, { issue, problem }: ObjectFormat.Flaw): AnswerFlaw => {
  const { functionCalls, text } = answer
  return text === "" && functionCalls.length > 0
    ? new UnansweredCalls({
      ...knownOf(answer),
      message: `the answer calls ${functionCalls.length === 1 ? "a function" : `${functionCalls.length} functions`}`,
      functionCalls
    })
    : new InvalidOutput({ ...knownOf(answer), message: messageOf(problem), text, issue })
}

/**
 * What gets into logs and traces; the issue is only in the error.
 *
 * @since 0.1.0
 */
export const messageOf = (problem: string): string =>
  `the answer does not have the shape that was asked for: ${problem}`

const knownOf = ({ attempts, callCost, cost, generationId, model, response, usage }: Outcome.Completed) => ({
  response,
  attempts,
  ...Wire.compact({ model, generationId, usage, cost, callCost })
})
