/** Links of a folder of web pages that lead nowhere within it. */
import { existsSync, globSync, readFileSync, statSync } from "node:fs"
import { dirname, join, normalize } from "node:path"

/** The links of all pages, those to other sites aside. */
export interface Links {
  /** How many there are. */
  readonly links: number
  /** Those without a target, each once, with the first page that has it. */
  readonly broken: ReadonlyArray<string>
}

const unescaped = (text: string): string => text.replaceAll("&amp;", "&").replaceAll("&quot;", "\"")

/** Looks up every link, and the place in the page where it has one. */
export const brokenLinks = (folder: string): Links => {
  const places = new Map<string, ReadonlySet<string>>()
  const placesOf = (file: string): ReadonlySet<string> => {
    const known = places.get(file)
    if (known !== undefined) return known
    const text = readFileSync(file, "utf8")
    const found = new Set(Array.from(text.matchAll(/\s(?:id|name)="([^"]*)"/g), ([, id = ""]) => unescaped(id)))
    places.set(file, found)
    return found
  }
  const problems = new Map<string, string>()
  let links = 0
  for (const page of globSync("**/*.html", { cwd: folder })) {
    const text = readFileSync(join(folder, page), "utf8")
    for (const [, target = ""] of text.matchAll(/\s(?:href|src)="([^"]*)"/g)) {
      if (/^(?:[a-z]+:|\/\/)/.test(target)) continue
      links += 1
      const [path = "", place = ""] = unescaped(target).split("#")
      const file = normalize(path === "" ? join(folder, page) : join(folder, dirname(page), decodeURIComponent(path)))
      const key = `${file}#${place}`
      if (problems.has(key)) continue
      if (!existsSync(file) || !statSync(file).isFile()) {
        problems.set(key, `${page} leads to ${target}, which is not there`)
      } else if (place !== "" && file.endsWith(".html") && !placesOf(file).has(decodeURIComponent(place))) {
        problems.set(key, `${page} leads to ${target}, a page without that place`)
      }
    }
  }
  return { links, broken: Array.from(problems.values()) }
}
