/**
 * What is said where a part of `effect-openrouter/node` meets a runtime that lacks what it needs.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"

/** The runtime and its version. Bun and Deno tell a version of Node as well, so they are asked first. */
const runtime = (): string => {
  const process: unknown = Reflect.get(globalThis, "process")
  const versions = Predicate.hasProperty(process, "versions") ? process.versions : undefined
  for (const [key, name] of [["bun", "Bun"], ["deno", "Deno"], ["node", "Node"]] as const) {
    const version = Predicate.hasProperty(versions, key) ? versions[key] : undefined
    if (typeof version === "string") return `${name} ${version}`
  }
  return globalThis.navigator?.userAgent ?? "unknown"
}

/**
 * What cannot be used on this runtime, why, and what to do about it.
 *
 * @since 0.1.0
 */
export const message = (what: string, why: string, remedy: string): string =>
  `${what} of effect-openrouter/node cannot be used on this runtime (${runtime()}): ${why}. ${remedy}`
