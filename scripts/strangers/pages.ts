/** What a page asks of its reader: commands to type and programs to run, in the order of the page. */
import { readFileSync } from "node:fs"
import { isBuiltin } from "node:module"
import { join } from "node:path"
import { type Block, type Commands, extract, extractCommands } from "../docs.ts"

/** A page, and what it holds. */
export interface Page {
  readonly file: string
  readonly programs: ReadonlyArray<Block>
  readonly commands: ReadonlyArray<Commands>
}

/** The page of a file, relative to the root of the package. */
export const read = (root: string, file: string): Page => {
  const text = readFileSync(join(root, file), "utf8")
  return {
    file,
    programs: extract(file, text).filter(({ mode }) => mode !== "ignore"),
    commands: extractCommands(file, text)
  }
}

const installation = /^npm (?:install|i) (?!.*(?:-g|--global)\b)/

/** Whether commands only install packages in the project. */
export const isInstallation = ({ code }: Commands): boolean => code.split("\n").every((line) => installation.test(line))

/**
 * Commands that serve, on a free port instead of the one that the page names: two strangers on one machine do not meet, and
 * the address is read from what the server writes.
 */
export const onFreePort = (code: string): string => code.replaceAll(/(--port[ =])\d+/g, "$10")

const packageOf = (specifier: string): string =>
  specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/")

/** Packages that the programs of a page import, and that no command of it installs. */
export const uninstalled = ({ commands, programs }: Page, present: ReadonlyArray<string>): ReadonlyArray<string> => {
  const installed = commands.flatMap(({ code }) => code.split("\n").filter((line) => installation.test(line)))
    .flatMap((line) => line.split(/\s+/))
  const imported = programs.flatMap(({ code }) =>
    Array.from(code.matchAll(/^import (?:.*? from )?"([^".][^"]*)"/gm), ([, specifier = ""]) => specifier)
  )
  const packages = imported.filter((specifier) => !isBuiltin(specifier)).map(packageOf)
  return Array.from(new Set(packages)).filter((name) => !present.includes(name) && !installed.includes(name))
}

/** Files of a checkout that commands name. */
export const filesNamed = ({ code }: Commands): ReadonlyArray<string> =>
  Array.from(code.matchAll(/\b(?:examples|scripts|bench)\/[\w./-]+\w/g), ([file]) => file)

/** Scripts of package.json that commands name. */
export const scriptsNamed = ({ code }: Commands): ReadonlyArray<string> =>
  Array.from(code.matchAll(/\bnpm (?:run )?((?<=run )[\w:-]+|start|test)\b/g), ([, name = ""]) => name)
