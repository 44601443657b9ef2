/**
 * Patterns of model slugs: `*` stands for any characters, as in `vendor/*`, `*:free` or `*`; all else is meant literally.
 *
 * @since 0.1.0
 */

/**
 * Says whether a slug matches one of the patterns; without patterns every slug does.
 *
 * @since 0.1.0
 */
export const matcher = (patterns: string | ReadonlyArray<string> | undefined): (slug: string) => boolean => {
  if (patterns === undefined) return () => true
  const all = typeof patterns === "string" ? [patterns] : patterns
  const exact = new Set(all.filter((pattern) => !pattern.includes("*")))
  const expressions = all.filter((pattern) => pattern.includes("*")).map(expression)
  return (slug) => exact.has(slug) || expressions.some((expression) => expression.test(slug))
}

const expression = (pattern: string): RegExp => new RegExp(`^${pattern.split("*").map(literally).join(".*")}$`, "s")

const literally = (text: string): string => text.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&")
