import { OpenRouterError as E, Usd } from "effect-openrouter"

const secret = "sk-or-v1-secret"

/** What a server may say, with what nobody else may see. */
const context = {
  message: `the prompt is too secret for ${secret}`,
  model: "secret/model",
  generationId: "gen-secret",
  code: "secret_code",
  provider: { name: "Secret Provider" },
  partialText: "secret text",
  cost: Usd.make("0.5")
}

const plain = { message: context.message, code: context.code, partialText: context.partialText }

const money = { limit: Usd.make("0.5"), spent: Usd.make("0.5"), unknown: Usd.zero, reserved: Usd.zero }

/** One error of each tag. */
export const errors: ReadonlyArray<E.OpenRouterError> = [
  new E.InvalidRequest({ ...context, origin: "server" }),
  new E.ContextLengthExceeded(context),
  new E.PayloadTooLarge(context),
  new E.InvalidApiKey(plain),
  new E.PaymentRequired({ ...plain, isTransient: false }),
  new E.AccessDenied(context),
  new E.ModelUnavailable(context),
  new E.RateLimited(context),
  new E.ProviderTimeout(context),
  new E.ProviderUnavailable(context),
  new E.ProviderOverloaded(context),
  new E.ServerError(context),
  new E.UnexpectedStatus(context),
  new E.Refused({ ...context, source: "model", refusal: "secret words" }),
  new E.ConnectionFailed({ ...context, phase: "connecting" }),
  new E.TimedOut({ ...context, phase: "total" }),
  new E.MalformedResponse(context),
  new E.BudgetExceeded({ ...context, ...money, scope: "secret scope" }),
  new E.Incomplete({ ...context, reason: "max_output_tokens" }),
  new E.GenerationFailed(context),
  new E.EmptyCompletion(context),
  new E.InvalidOutput({ ...context, text: "secret", issue: "secret" }),
  new E.StreamInterrupted(context)
]
