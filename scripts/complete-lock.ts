/**
 * Completes package-lock.json after a dependency changed: adds the builds for other platforms that npm left out.
 *
 * npm drops an optional dependency from the lock when the registry at hand (a mirror, say) does not serve it; `npm ci`
 * then fails everywhere with "Missing: … from lock file". Versions are exact in the parent's manifest and the platform
 * is in the package's name, so the missing entries can be written without asking a registry.
 */
import { readFileSync, writeFileSync } from "node:fs"

/** A package in the lock file. */
export interface Entry {
  readonly version?: string
  readonly cpu?: ReadonlyArray<string>
  readonly dev?: boolean
  readonly libc?: ReadonlyArray<string>
  readonly optional?: boolean
  readonly os?: ReadonlyArray<string>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** What this script reads and writes of a lock file. */
export interface Lock {
  packages: Record<string, Entry>
}

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"]
const libraries: ReadonlyArray<readonly [pattern: RegExp, libc: string]> = [
  [/musl/, "musl"],
  [/gnu|glibc/, "glibc"]
]

/** The entry of a platform package which the lock does not have, or undefined if its name tells no platform. */
const stub = (name: string, version: string): Entry | undefined => {
  const parts = name.split(/[/-]/)
  const os = systems.find((system) => parts.includes(system))
  const cpu = os === undefined ? undefined : parts[parts.indexOf(os) + 1]
  if (os === undefined || cpu === undefined) return undefined
  const libc = os === "linux" ? libraries.find(([pattern]) => pattern.test(name))?.[1] : undefined
  return {
    version,
    cpu: [cpu],
    dev: true,
    ...(libc === undefined ? {} : { libc: [libc] }),
    optional: true,
    os: [os]
  }
}

/** The platform packages that some package of the lock wants at an exact version and that have no entry. */
export const missing = (lock: Lock): ReadonlyMap<string, Entry> => {
  const found = new Map<string, Entry>()
  for (const { optionalDependencies } of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
      const entry = /^\d/.test(version) ? stub(name, version) : undefined
      const path = `node_modules/${name}`
      if (entry !== undefined && lock.packages[path] === undefined) found.set(path, entry)
    }
  }
  return found
}

if (import.meta.main) {
  const file = new URL("../package-lock.json", import.meta.url)
  const lock: Lock = JSON.parse(readFileSync(file, "utf8"))
  const added = missing(lock)
  const { "": root, ...packages } = { ...lock.packages, ...Object.fromEntries(added) }
  const sorted = Object.entries(packages).toSorted(([a], [b]) => a.localeCompare(b, "en"))
  lock.packages = { ...(root === undefined ? {} : { "": root }), ...Object.fromEntries(sorted) }
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
  console.log(`added ${added.size} platform packages`)
}
