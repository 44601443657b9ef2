#!/usr/bin/env node
/**
 * The command `effect-openrouter`.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import { readFileSync } from "node:fs"
import * as AskCommand from "./AskCommand.ts"
import * as BatchCommand from "./BatchCommand.ts"
import * as EmulatorCommand from "./EmulatorCommand.ts"
import * as GenerationCommand from "./GenerationCommand.ts"
import * as KeyCommand from "./KeyCommand.ts"
import * as ModelsCommand from "./ModelsCommand.ts"
import * as NodeProcess from "./NodeProcess.ts"
import * as ReportCommand from "./ReportCommand.ts"

const manifest: { readonly version: string } = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8")
)

NodeProcess.run(
  Command.make("effect-openrouter").pipe(
    Command.withDescription("OpenRouter from the shell. The key is in OPENROUTER_API_KEY; --emulator needs none."),
    Command.withExamples([
      { command: "effect-openrouter ask 'Who are you?' --emulator", description: "Without a key" }
    ]),
    Command.withSubcommands([
      AskCommand.command,
      BatchCommand.command,
      ModelsCommand.command,
      KeyCommand.command,
      GenerationCommand.command,
      EmulatorCommand.command,
      ReportCommand.command
    ])
  ),
  manifest.version
)
