/**
 * The lines of `effect-openrouter batch`: requests, and what is written of their answers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { BatchFileError } from "../../domain/batch/BatchFileError.ts"
import * as ResultLine from "../../domain/batch/ResultLine.ts"
import * as Usd from "../../domain/money/Usd.ts"
import type { Completed } from "../../domain/outcome/Outcome.ts"
import * as CreateResponse from "../../domain/request/CreateResponse.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as InputLines from "../batch/InputLines.ts"

/**
 * The request of a line: `{"id":"1","prompt":"…"}`, or any request as the API takes it, with an `id` if it likes.
 *
 * @since 0.1.0
 */
export const requestOf = (line: unknown): Result.Result<CreateResponse.Sendable, string> => {
  if (!Wire.isJsonObject(line)) return Result.fail("it is not a JSON object")
  const { id: _, prompt: asked, ...fields } = line
  const isText = typeof asked === "string"
  if (isText && fields["input"] !== undefined) return Result.fail("it has a prompt and an input; leave one out")
  const body = isText ? { ...fields, input: asked } : asked === undefined ? fields : { ...fields, prompt: asked }
  return Result.flatMap(
    Result.mapError(CreateResponse.fromWire(body), ({ message }) => message),
    (request): Result.Result<CreateResponse.Sendable, string> => {
      const { input, prompt } = request
      if (input !== undefined) return Result.succeed({ ...request, input })
      return prompt === undefined
        ? Result.fail("it has neither a prompt nor an input")
        : Result.succeed({ ...request, prompt })
    }
  )
}

/** The ids that an output has results for. */
const doneIn = Effect.fnUntraced(function*(
  path: string,
  errors: "keep" | "retry"
): Effect.fn.Return<ReadonlySet<string>, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const done = new Set<string>()
  yield* fs.stream(path).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.runForEach((line) =>
      Effect.sync(() => {
        const head = ResultLine.head(line)
        if (head === undefined) return
        // The last one of an id counts.
        if (head.isError && errors === "retry") done.delete(head.id)
        else done.add(head.id)
      })
    ),
    // There is none, or it cannot be read, which the batch will say.
    Effect.ignore
  )
  return done
})

/**
 * The requests of an input that have no result in the output, read as they are needed.
 *
 * @since 0.1.0
 */
export const left = (
  input: string,
  output: string,
  errors: "keep" | "retry"
): Stream.Stream<CreateResponse.Sendable, BatchFileError, FileSystem.FileSystem> =>
  Stream.unwrap(
    Effect.map(doneIn(output, errors), (done) =>
      InputLines.read(input, { decode: requestOf, id: undefined }).pipe(
        Stream.filter(({ id }) => !done.has(id)),
        Stream.map(({ item }) => item)
      ))
  )

/**
 * Reads the whole input, and fails with the first line that is no request.
 *
 * @since 0.1.0
 */
export const check = (
  input: string
): Effect.Effect<ReadonlyMap<string, number>, BatchFileError, FileSystem.FileSystem> =>
  InputLines.check(input, { decode: requestOf, id: undefined })

/**
 * What is written of an answer. Amounts are decimal text.
 *
 * @since 0.1.0
 */
export interface Answer {
  readonly text: string
  readonly model?: string
  readonly generationId?: string
  /** USD, for all attempts. Absent is unknown, not zero. */
  readonly cost?: string
  readonly inputTokens?: number
  readonly outputTokens?: number
}

/**
 * The answer of an outcome.
 *
 * @since 0.1.0
 */
export const answerOf = ({ callCost, cost, generationId, model, text, usage }: Completed): Answer => {
  const paid = callCost ?? cost
  return {
    text,
    ...Wire.compact({
      model,
      generationId,
      cost: paid === undefined ? undefined : Usd.toText(paid),
      inputTokens: usage?.inputTokens,
      outputTokens: usage?.outputTokens
    })
  }
}
