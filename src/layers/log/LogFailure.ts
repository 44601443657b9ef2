/**
 * From what a file system says to what it means for a log.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import { AppendLogError } from "../../services/AppendLog.ts"

/** The codes of a system that has no room: the disk, a quota, the largest file that is allowed. */
const full = new Set(["ENOSPC", "EDQUOT", "EFBIG"])

const codeOf = (error: PlatformError): string | undefined => {
  const { cause } = error.reason
  return Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : undefined
}

/**
 * The error of a log whose file system failed.
 *
 * @since 0.1.0
 */
export const ofPlatform = (path: string) => (error: PlatformError): AppendLogError =>
  full.has(codeOf(error) ?? "")
    ? new AppendLogError({ path, reason: "full", message: `there is no room left to write ${path}` })
    : new AppendLogError({ path, reason: "storage", message: error.message })

/**
 * True if the file system says that something has this name already, or that nothing has it.
 *
 * @since 0.1.0
 */
export const is = (tag: "AlreadyExists" | "NotFound") => (error: PlatformError): boolean => error.reason._tag === tag
