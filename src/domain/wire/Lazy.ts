/**
 * Values that are made when they are first needed.
 *
 * Most programs use few of the schemas of this library, so importing it builds none that can wait.
 *
 * @since 0.1.0
 */

/**
 * Makes a function that makes its value at its first call and keeps it.
 *
 * @since 0.1.0
 */
export const lazy = <A extends object>(make: () => A): () => A => {
  let made: A | undefined
  return () => made ??= make()
}
