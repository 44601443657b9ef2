/**
 * What is said where a part of `effect-openrouter/node` meets a runtime that lacks what it needs.
 *
 * @since 0.1.0
 */

/** Such as `Bun/1.4.5` or `Node.js/22`. */
const runtime = (): string => globalThis.navigator?.userAgent ?? "it tells no name, as Node before 21"

/**
 * What cannot be used on this runtime, why, and what to do about it.
 *
 * @since 0.1.0
 */
export const message = (what: string, why: string, remedy: string): string =>
  `${what} of effect-openrouter/node cannot be used on this runtime (${runtime()}): ${why}. ${remedy}`
