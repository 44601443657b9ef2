/**
 * What tests need instead of a network: replies by a script, an emulator of OpenRouter, cassettes, and faults.
 *
 * @since 0.1.0
 */

export * as Cassette from "./layers/testing/Cassette.ts"
export * as Emulator from "./layers/testing/Emulator.ts"
export * as Faults from "./layers/testing/Faults.ts"
export * as OpenRouterTest from "./layers/testing/OpenRouterTest.ts"
