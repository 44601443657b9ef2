/**
 * Brings the documentation of each module into its declaration file, where editors and users look for it.
 *
 * The compiler takes a comment at the top of a file for that of the first import, and leaves it out together with an import
 * that no type needs. Source maps are moved by as many lines. To do it twice changes nothing.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The comment that documents a module: the one at its top, unless it documents the first statement. */
export const moduleDoc = (source: string): string | undefined => {
  const found = /^(?:#!.*\n)?(\/\*\*[\s\S]*?\*\/)\n\s*(?:import|export \*|export \{|export type \{|\/\*\*)/.exec(source)
  return found?.[1]
}

/** A declaration file with the documentation of its module, and the number of lines that were added. */
export const documented = (source: string, declaration: string): readonly [text: string, lines: number] => {
  const doc = moduleDoc(source)
  if (doc === undefined || declaration.startsWith(doc)) return [declaration, 0]
  return [`${doc}\n${declaration}`, doc.split("\n").length]
}

/** A source map of a file that has got so many lines at its top. */
const moved = (map: string, lines: number): string => {
  const json: { readonly mappings: string } = JSON.parse(map)
  return JSON.stringify({ ...json, mappings: ";".repeat(lines) + json.mappings })
}

/** The modules of a build whose declarations lack their documentation. */
export const undocumented = (root: string): ReadonlyArray<string> =>
  globSync("**/*.ts", { cwd: join(root, "src") }).filter((file) => {
    const source = readFileSync(join(root, "src", file), "utf8")
    return documented(source, readFileSync(join(root, "dist", file.replace(/\.ts$/, ".d.ts")), "utf8"))[1] > 0
  })

if (import.meta.main) {
  const root = fileURLToPath(new URL("..", import.meta.url))
  for (const file of undocumented(root)) {
    const target = join(root, "dist", file.replace(/\.ts$/, ".d.ts"))
    const [text, lines] = documented(readFileSync(join(root, "src", file), "utf8"), readFileSync(target, "utf8"))
    writeFileSync(target, text)
    writeFileSync(`${target}.map`, moved(readFileSync(`${target}.map`, "utf8"), lines))
  }
}
