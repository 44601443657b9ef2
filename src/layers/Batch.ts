export * from "../services/Batch.ts"
