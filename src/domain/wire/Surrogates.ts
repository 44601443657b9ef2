/**
 * Text that was cut within a character: one beyond the first 65,536 is a pair of surrogates, and half of it is no text.
 *
 * @since 0.1.0
 */

/**
 * True for the first half of a pair, by its code.
 *
 * @since 0.1.0
 */
export const isHigh = (code: number): boolean => code >= 0xd800 && code <= 0xdbff

/**
 * True if a text ends in the first half of a pair.
 *
 * @since 0.1.0
 */
export const isCut = (text: string): boolean => isHigh(text.charCodeAt(text.length - 1))

/**
 * The text without half of a pair at its end.
 *
 * @since 0.1.0
 */
export const trimmed = (text: string): string => isCut(text) ? text.slice(0, -1) : text
