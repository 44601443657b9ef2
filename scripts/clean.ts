/** Removes what a build leaves behind, so that a package never ships a module whose source is gone. */
import { rmSync } from "node:fs"

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true })
