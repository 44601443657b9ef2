/**
 * Calls as steps of durable workflows, which survive the process that made them.
 *
 * @since 0.1.0
 */

export * as DurableCalls from "./layers/workflow/DurableCalls.ts"
export * as DurableEngine from "./layers/workflow/DurableEngine.ts"
export * as DurableTools from "./layers/workflow/DurableTools.ts"
