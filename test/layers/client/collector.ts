import { Effect, Layer, Metric, Schema } from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp, OtlpExporter } from "effect/observability"
import { createServer } from "node:http"

const optional = Schema.optionalKey

const Attributes = Schema.Array(Schema.Struct({
  key: Schema.String,
  value: Schema.Struct({
    stringValue: optional(Schema.String),
    boolValue: optional(Schema.Boolean),
    intValue: optional(Schema.Union([Schema.Number, Schema.String])),
    doubleValue: optional(Schema.Number),
    arrayValue: optional(Schema.Struct({
      values: Schema.Array(Schema.Struct({ stringValue: optional(Schema.String) }))
    }))
  })
}))

const Span = Schema.Struct({
  traceId: Schema.String,
  spanId: Schema.String,
  parentSpanId: optional(Schema.String),
  name: Schema.String,
  kind: Schema.Number,
  attributes: Attributes,
  events: Schema.Array(Schema.Struct({ name: Schema.String, attributes: Attributes })),
  status: Schema.Struct({ code: Schema.Number })
})

const Points = optional(Schema.Struct({
  dataPoints: Schema.Array(Schema.Struct({
    attributes: Attributes,
    count: optional(Schema.Number),
    sum: optional(Schema.Number),
    asDouble: optional(Schema.Number),
    explicitBounds: optional(Schema.Array(Schema.Number))
  }))
}))

const Traces = Schema.Struct({
  resourceSpans: Schema.Array(Schema.Struct({ scopeSpans: Schema.Array(Schema.Struct({ spans: Schema.Array(Span) })) }))
})

const Metrics = Schema.Struct({
  resourceMetrics: Schema.Array(Schema.Struct({
    scopeMetrics: Schema.Array(Schema.Struct({
      metrics: Schema.Array(
        Schema.Struct({ name: Schema.String, unit: Schema.String, histogram: Points, sum: Points, gauge: Points })
      )
    }))
  }))
})

type Values = Readonly<Record<string, unknown>>

const plain = (attributes: typeof Attributes.Type): Values =>
  Object.fromEntries(attributes.map(({ key, value }) => [
    key,
    value.stringValue ?? value.boolValue ?? value.doubleValue ??
      (value.intValue === undefined ? undefined : Number(value.intValue)) ??
      value.arrayValue?.values.map(({ stringValue }) => stringValue)
  ]))

/** A server on loopback that takes whatever is exported. */
const listening = (onBody: (path: string, body: string) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
        const server = createServer((request, response) => {
          const chunks: Array<Buffer> = []
          request.on("data", (chunk: Buffer) => chunks.push(chunk))
          request.on("end", () => {
            onBody(request.url ?? "", Buffer.concat(chunks).toString())
            response.writeHead(200, { "content-type": "application/json" }).end("{}")
          })
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          const close = () => {
            server.close()
            server.closeAllConnections()
          }
          resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, close }))
        })
      }),
      ({ close }) => Effect.sync(close)
    ),
    ({ url }) => url
  )

const spansOf = (json: unknown) =>
  Effect.map(
    Schema.decodeUnknownEffect(Traces)(json),
    ({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans).flatMap(({ spans }) => spans).map((span) => ({
        id: span.spanId,
        traceId: span.traceId,
        parent: span.parentSpanId,
        name: span.name,
        kind: span.kind,
        attributes: plain(span.attributes),
        events: span.events.map(({ attributes, name }) => ({ name, attributes: plain(attributes) })),
        /** 0 unset, 1 ok, 2 error */
        status: span.status.code
      }))
  )

const pointsOf = (json: unknown) =>
  Effect.map(
    Schema.decodeUnknownEffect(Metrics)(json),
    ({ resourceMetrics }) =>
      resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics).flatMap(({ metrics }) => metrics).flatMap(
        ({ gauge, histogram, name, sum, unit }) =>
          [gauge, histogram, sum].flatMap((points) => points?.dataPoints ?? []).map((point) => ({
            name,
            unit,
            attributes: plain(point.attributes),
            /** Of a counter or gauge. */
            value: point.asDouble,
            /** Of a histogram. */
            count: point.count,
            sum: point.sum,
            bounds: point.explicitBounds
          }))
      )
  )

/** Runs a program whose telemetry goes to a collector on loopback, over OTLP and HTTP, and gives what arrived there. */
export const collected = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.scoped(Effect.gen(function*() {
    const bodies: Array<readonly [path: string, body: string]> = []
    const baseUrl = yield* listening((path, body) => bodies.push([path, body]))
    const exported = Otlp.layerJson({ baseUrl, resource: { serviceName: "test" } }).pipe(
      Layer.provide(FetchHttpClient.layer)
    )
    const exit = yield* Effect.exit(program).pipe(
      Effect.tap(OtlpExporter.Flusher.use(({ flush }) => flush)),
      Effect.provide(exported),
      // What other tests count is none of ours.
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
    const at = (wanted: string) =>
      bodies.filter(([path]) => path === wanted).map(([, body]): unknown => JSON.parse(body))
    const spans = (yield* Effect.forEach(at("/v1/traces"), spansOf)).flat()
    // Each export has all that was counted before.
    const points = (yield* Effect.forEach(at("/v1/metrics").slice(-1), pointsOf)).flat()
    return { exit, spans, points, bodies: bodies.map(([, body]) => body) }
  }))
