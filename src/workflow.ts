export * as DurableCalls from "./layers/workflow/DurableCalls.ts"
export * as DurableEngine from "./layers/workflow/DurableEngine.ts"
export * as DurableTools from "./layers/workflow/DurableTools.ts"
