/**
 * Decoders of single parts of a schema, each made when it is first needed, and what they do not take as it comes.
 *
 * @since 0.1.0
 */
import type * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as Shape from "./Shape.ts"

/**
 * Makes a value of the JSON of Effect's codec.
 *
 * @since 0.1.0
 */
export type Decode = (json: unknown) => Exit.Exit<unknown, SchemaIssue.Issue>

/**
 * The decoders of one schema.
 *
 * @since 0.1.0
 */
export class Decoders {
  readonly #made = new Map<SchemaAST.AST, Decode>()
  /** The parts whose JSON has to be read before it is decoded. */
  readonly differing: ReadonlySet<Shape.Shape>

  constructor(root: Shape.Shape) {
    this.differing = Shape.differingOf(root)
  }

  /** The decoder of a part. */
  of(ast: SchemaAST.AST): Decode {
    let decode = this.#made.get(ast)
    if (decode === undefined) {
      decode = decoder(Schema.make<Schema.Codec<unknown>>(ast))
      this.#made.set(ast, decode)
    }
    return decode
  }
}

/**
 * Makes values of a schema of the JSON that Effect's codec for it has.
 *
 * @since 0.1.0
 */
export const decoder = <A, E>(schema: Schema.Codec<A, E>): (json: unknown) => Exit.Exit<A, SchemaIssue.Issue> =>
  SchemaParser.decodeUnknownExit(Schema.toCodecJson(schema))
