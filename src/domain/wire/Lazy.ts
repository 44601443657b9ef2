/**
 * Values that are made when they are first needed.
 *
 * Most programs use few of the schemas of this library, so importing it builds none that can wait.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"

/**
 * Makes a function that makes its value at its first call and keeps it.
 *
 * @since 0.1.0
 */
export const lazy = <A extends object>(make: () => A): () => A => {
  let made: A | undefined
  return () => made ??= make()
}

/** What a deferred schema knows before it is built. */
interface Deferred {
  readonly build: () => Schema.Top
}

/** Asks the schema that is built for the members that depend on what it is. */
const Proto: object = Object.create(
  Object.getPrototypeOf(Schema.Never),
  Object.fromEntries([
    ...["ast", "from", "to", "fields", "mapFields", "members", "mapMembers", "value"].map((name) => [name, {
      get(this: Deferred): unknown {
        return Reflect.get(this.build(), name)
      }
    }]),
    ["rebuild", {
      value(this: Deferred, ast: SchemaAST.AST): Schema.Top {
        return this.build().rebuild(ast)
      }
    }]
  ])
)

/**
 * A schema that is built when it is first looked at, with members of its own besides.
 *
 * @since 0.1.0
 */
export const deferred = <S extends Schema.Constraint, More extends object = object>(
  build: () => S,
  more?: More
): S & More => {
  // A function, like every schema, so that a class can extend it.
  const schema = function() {}
  return Object.assign(Object.setPrototypeOf(schema, Proto), more, { build: lazy(build) })
}
