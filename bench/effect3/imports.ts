/** What a program with `@effect/ai-openrouter` imports. */
import "@effect/ai-openrouter"
import "@effect/platform"
