/**
 * Structs whose transformation only gives other names to their fields, such as `Schema.encodeKeys`.
 *
 * A transformation is a function that nobody can look into, so it is tried: one that puts any value under another name, and
 * each value under a name of its own, is a renaming.
 *
 * @since 0.1.0
 */
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaParser from "effect/SchemaParser"
import * as Wire from "../wire/Wire.ts"

/**
 * The name in the JSON by the name in the value, or `undefined` if more happens than renaming.
 *
 * @since 0.1.0
 */
export const find = (ast: SchemaAST.Objects, link: SchemaAST.Link): ReadonlyMap<string, string> | undefined => {
  const { to } = link
  const keys = ast.propertySignatures.map(({ name }) => name)
  if (!SchemaAST.isObjects(to) || to.encoding !== undefined || ast.indexSignatures.length > 0) return undefined
  if (keys.length !== to.propertySignatures.length) return undefined
  const values = keys.map((key) => [key, Symbol(String(key))] as const)
  const written = encoded(link, Object.fromEntries(values))
  if (written === undefined) return undefined
  const names = new Map<string, string>()
  for (const [key, value] of values) {
    const name = Object.keys(written).find((name) => written[name] === value)
    const isField = to.propertySignatures.some((property) => property.name === name)
    if (typeof key !== "string" || name === undefined || !isField) return undefined
    names.set(key, name)
  }
  return Object.keys(written).length === keys.length ? names : undefined
}

const encoded = (link: SchemaAST.Link, value: unknown): Wire.JsonObject | undefined => {
  try {
    const tried = new SchemaAST.Unknown(undefined, undefined, [
      new SchemaAST.Link(SchemaAST.unknown, link.transformation)
    ])
    const exit = SchemaParser.encodeUnknownExit(Schema.make<Schema.Codec<unknown>>(tried))(value)
    return Exit.isSuccess(exit) && Wire.isJsonObject(exit.value) ? exit.value : undefined
  } catch {
    return undefined
  }
}
