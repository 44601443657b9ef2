/**
 * One text for equal JSON, whatever the order of its members: what is hashed, signed or compared is written like this.
 *
 * @since 0.1.0
 */
import { isJsonObject } from "./Json.ts"

/**
 * JSON with the members of every object in the order of their names, and without those that are `undefined`.
 *
 * What is no JSON is written as `JSON.stringify` writes it; it throws where that throws.
 *
 * @since 0.1.0
 */
export const stringify = (json: unknown): string => JSON.stringify(json, sorted) ?? "null"

const sorted = (_: string, value: unknown): unknown =>
  isJsonObject(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1))
    : value
