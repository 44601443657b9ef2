#!/usr/bin/env node
/**
 * The command `effect-openrouter`.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import { readFileSync } from "node:fs"
import * as EmulatorCommand from "./EmulatorCommand.ts"
import * as NodeProcess from "./NodeProcess.ts"

const manifest: { readonly version: string } = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8")
)

NodeProcess.run(
  Command.make("effect-openrouter").pipe(
    Command.withDescription("OpenRouter from the shell"),
    Command.withSubcommands([EmulatorCommand.command])
  ),
  manifest.version
)
