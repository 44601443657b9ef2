/**
 * What is said where a part of `effect-openrouter/node` meets a runtime that lacks what it needs.
 *
 * @since 0.1.0
 */
import Process from "node:process"

/** The runtime and its version. Bun and Deno tell a version of Node as well. */
const runtime = (): string => {
  const { bun, deno, node } = Process.versions
  return bun !== undefined ? `Bun ${bun}` : deno !== undefined ? `Deno ${deno}` : `Node ${node}`
}

/**
 * What cannot be used on this runtime, why, and what to do about it.
 *
 * @since 0.1.0
 */
export const message = (what: string, why: string, remedy: string): string =>
  `${what} of effect-openrouter/node cannot be used on this runtime (${runtime()}): ${why}. ${remedy}`
