import { Schema, SchemaAST } from "effect"

/** The same schema made anew, so that Effect's interpreter reads and writes it, whatever is installed for the original. */
export const interpreted = (schema: Schema.Codec<unknown, unknown>) =>
  Schema.make<Schema.Codec<unknown, unknown>>(copied(schema.ast))

const copies = new WeakMap<SchemaAST.AST, SchemaAST.AST>()

const copied = (ast: SchemaAST.AST): SchemaAST.AST => {
  const known = copies.get(ast)
  if (known !== undefined) return known
  const copy = copyOf(ast)
  copies.set(ast, copy)
  return copy
}

const linked = (encoding: SchemaAST.Encoding | undefined): SchemaAST.Encoding | undefined => {
  if (encoding === undefined) return undefined
  const [first, ...others] = encoding
  const link = (one: SchemaAST.Link) => new SchemaAST.Link(copied(one.to), one.transformation)
  return [link(first), ...others.map(link)]
}

const copyOf = (ast: SchemaAST.AST): SchemaAST.AST => {
  const encoding = linked(ast.encoding)
  switch (ast._tag) {
    case "Declaration":
      return new SchemaAST.Declaration(ast.typeParameters, ast.run, ast.annotations, ast.checks, encoding, ast.context)
    case "Objects":
      return new SchemaAST.Objects(
        ast.propertySignatures.map(({ name, type }) => new SchemaAST.PropertySignature(name, copied(type))),
        ast.indexSignatures.map(({ parameter, type }) => new SchemaAST.IndexSignature(parameter, copied(type))),
        ast.annotations,
        ast.checks,
        encoding,
        ast.context
      )
    case "Arrays":
      return new SchemaAST.Arrays(
        ast.isMutable,
        ast.elements.map(copied),
        ast.rest.map(copied),
        ast.annotations,
        ast.checks,
        encoding,
        ast.context
      )
    case "Union":
      return new SchemaAST.Union(ast.types.map(copied), ast.options, ast.annotations, ast.checks, encoding, ast.context)
    case "Suspend":
      return new SchemaAST.Suspend(() => copied(ast.thunk()), ast.annotations, undefined, encoding, ast.context)
    default:
      return ast
  }
}
