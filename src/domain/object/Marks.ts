/**
 * What a schema can say about how its answers are read: that a part is shown only whole, that a list keeps what fits.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

const wholeKey = "effect-openrouter/appearsWhole"

const fittingKey = "effect-openrouter/keepsFitting"

/**
 * A part of a schema that `streamObject` shows only when it is complete. Numbers, literals, dates and whatever else is made of
 * its JSON by a transformation are so anyway; texts, lists and objects grow otherwise.
 *
 * **Example** (A name that does not appear letter by letter)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 *
 * const Character = Schema.Struct({ name: Schema.String.pipe(OpenRouter.whole), story: Schema.String })
 * ```
 *
 * @since 0.1.0
 */
export const whole = <S extends Schema.Top>(schema: S): S["Rebuild"] => schema.annotate({ [wholeKey]: true })

/**
 * A list that keeps the items that fit its schema; `answer.repaired` tells which did not. Other lists make an answer that
 * has such an item `InvalidOutput`.
 *
 * **Example** (Five good names are better than none)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 *
 * const Names = Schema.Array(Schema.NonEmptyString).pipe(OpenRouter.keepFitting)
 * ```
 *
 * @since 0.1.0
 */
export const keepFitting = <S extends Schema.Top>(schema: S): S["Rebuild"] => schema.annotate({ [fittingKey]: true })

const resolvedWhole = SchemaAST.resolveAt<boolean>(wholeKey)

const resolvedFitting = SchemaAST.resolveAt<boolean>(fittingKey)

/**
 * True for a part that is marked with {@link whole}.
 *
 * @since 0.1.0
 */
export const appearsWhole = (ast: SchemaAST.AST): boolean =>
  ast.annotations?.[wholeKey] === true || resolvedWhole(ast) === true

/**
 * True for a part that is marked with {@link keepFitting}.
 *
 * @since 0.1.0
 */
export const keepsFitting = (ast: SchemaAST.AST): boolean =>
  ast.annotations?.[fittingKey] === true || resolvedFitting(ast) === true
