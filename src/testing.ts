export * as Cassette from "./layers/testing/Cassette.ts"
export * as Emulator from "./layers/testing/Emulator.ts"
export * as OpenRouterTest from "./layers/testing/OpenRouterTest.ts"
