/** Programs of the documentation, as a reader would copy them. */
import { readFileSync } from "node:fs"
import { extract } from "../docs.ts"

const root = new URL("../../", import.meta.url)

/** The example of a document that has these words. */
export const example = (file: string, words: string): string => {
  const found = extract(file, readFileSync(new URL(file, root), "utf8")).filter(({ code }) => code.includes(words))
  if (found.length !== 1) throw new Error(`${file} has ${found.length} examples with "${words}"`)
  return `${found[0]?.code}\n`
}
