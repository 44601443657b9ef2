/**
 * How a command ends that did not succeed: the exit code, and one line that says why.
 *
 * | exit code | group of errors | |
 * |---|---|---|
 * | 0 | | done, help was asked for, or nobody reads the output any more |
 * | 1 | | something else failed: a file, a port, items of a batch |
 * | 2 | | the command line is wrong |
 * | 3 | `rejected` | the request, its model or its key has to change; also if there is no key, or no such generation |
 * | 4 | `unfunded` | there is no money, or a budget is spent |
 * | 5 | `unavailable` | the service cannot answer now; later it may |
 * | 6 | `noAnswer` | it answered, but that is none: truncated, refused, failed, empty, or not of the asked shape |
 * | 130 | | interrupted |
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { type Group, groupOf, isOpenRouterError } from "../../domain/error/ErrorGroup.ts"

/**
 * Something is wrong with a command line that only its command can see.
 *
 * @since 0.1.0
 */
export class Misused extends Data.TaggedError("Misused")<{ readonly message: string }> {}

/**
 * A command has done its work, but not all is well; what is to be said is in the message.
 *
 * @since 0.1.0
 */
export class Unfinished extends Data.TaggedError("Unfinished")<{
  readonly message: string
  readonly exitCode: number
}> {}

/**
 * The exit code of each group of errors.
 *
 * @since 0.1.0
 */
export const ofGroup: { readonly [G in Group]: number } = { rejected: 3, unfunded: 4, unavailable: 5, noAnswer: 6 }

/**
 * The exit code of errors by their tag, for those of this library that are in no group.
 */
const ofTag: ReadonlyMap<string, number> = new Map([
  ["GenerationNotFound", ofGroup.rejected],
  ["UnansweredCalls", ofGroup.noAnswer]
])

/**
 * The exit code of an error.
 *
 * @since 0.1.0
 */
export const ofError = (error: unknown): number => {
  if (error instanceof Unfinished) return error.exitCode
  if (error instanceof Misused) return 2
  if (error instanceof Config.ConfigError) return ofGroup.rejected
  const group = groupOf(error)
  if (group !== undefined) return ofGroup[group]
  return Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" ? ofTag.get(error._tag) ?? 1 : 1
}

/**
 * A text in one line, as people are told what is wrong with a command line.
 *
 * @since 0.1.0
 */
export const oneLine = (text: string): string =>
  text.trim()
    .replace("Expected: Schema validation failed: ", "")
    .replace(/\s*Did you mean this\?\s*([\s\S]+)$/, ". Did you mean $1?")
    .replaceAll(/\s*\n\s*/g, " ")

/** The settings of a layer, as whoever sits at a shell knows them. */
const variables: ReadonlyMap<string, string> = new Map([
  ["apiKey", "OPENROUTER_API_KEY"],
  ["apiUrl", "OPENROUTER_API_URL"],
  ["appUrl", "OPENROUTER_APP_URL"],
  ["appTitle", "OPENROUTER_APP_TITLE"]
])

const ofSetting = (message: string): string =>
  message.replace(", or pass apiKey to the layer", "").replace(/^(\w+)(?=:)/, (name) => variables.get(name) ?? name)

/** What may be wrong with a file, in the words of a shell. */
const filed: { readonly [tag: string]: string } = {
  NotFound: "there is no such file or folder",
  AlreadyExists: "it exists already",
  PermissionDenied: "permission denied",
  BadResource: "it is no file",
  Busy: "it is in use"
}

/** Also of an error of a log, which has the message of what the file system said. */
const ofFile = (message: string): string => {
  const [, tag = "", path = ""] = /^(\w+): FileSystem\.\w+ \((.+)\)/.exec(message) ?? []
  const words = filed[tag]
  // Of the lock that is beside a file nobody has heard.
  return words === undefined ? message : `${path.replace(/\.lock$/, "")}: ${words}`
}

const messageOf = (error: unknown): string | undefined => {
  if (error instanceof Config.ConfigError) {
    return `${ofSetting(oneLine(error.cause.message))} (--emulator answers without a key and without a network)`
  }
  if (!Predicate.isError(error)) return undefined
  if (!isOpenRouterError(error)) return ofFile(oneLine(error.message))
  const refusal = error._tag === "Refused" ? `: ${oneLine(error.refusal)}` : ""
  return `${error._tag}: ${oneLine(error.message)}${refusal}`
}

/**
 * What is said of the end of a command, if it was not said yet, and its exit code.
 *
 * @since 0.1.0
 */
export const ofCause = (cause: Cause.Cause<unknown>): readonly [message: string | undefined, code: number] => {
  if (Cause.hasInterruptsOnly(cause)) return [undefined, 130]
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (CliError.isCliError(error)) {
    return error._tag === "ShowHelp"
      ? [undefined, error.errors.length > 0 ? 2 : 0]
      : [error.message, 2]
  }
  return [messageOf(error) ?? Cause.pretty(cause), ofError(error)]
}
