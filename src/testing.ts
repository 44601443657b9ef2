export * as Emulator from "./layers/Emulator.ts"
export * as OpenRouterTest from "./layers/OpenRouterTest.ts"
