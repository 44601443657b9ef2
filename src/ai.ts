export * as OpenRouterAiError from "./layers/ai/OpenRouterAiError.ts"
export * as OpenRouterEmbeddingModel from "./layers/ai/OpenRouterEmbeddingModel.ts"
export * as OpenRouterLanguageModel from "./layers/ai/OpenRouterLanguageModel.ts"
export * as OpenRouterServerTool from "./layers/ai/OpenRouterServerTool.ts"
