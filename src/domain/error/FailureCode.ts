/**
 * What the codes mean by which HTTP clients say why there is no answer: one table for undici, Node, Bun and Deno.
 *
 * @since 0.1.0
 */

/**
 * What a failure of an HTTP client means.
 *
 * - `unreachable`: there was no connection; the next attempt may have one.
 * - `barred`: there was no connection, and there will be none: a wrong certificate, no TLS, no permission.
 * - `broken`: the connection broke. This is also the meaning of codes that are not known.
 * - `closed`: the HTTP client was closed, and stays so.
 * - `late`: a limit of the HTTP client has passed.
 * - `oversized`: more arrived than the HTTP client takes.
 * - `unreadable`: what arrived is no HTTP, no text, or leads nowhere.
 * - `unsendable`: the HTTP client does not take the request.
 *
 * @since 0.1.0
 */
export type Meaning =
  | "unreachable"
  | "barred"
  | "broken"
  | "closed"
  | "late"
  | "oversized"
  | "unreadable"
  | "unsendable"

const codes: { readonly [M in Exclude<Meaning, "broken">]: string } = {
  unreachable: `ECONNREFUSED ENOTFOUND EAI_AGAIN EAI_NODATA EAI_NONAME EAI_FAIL EHOSTUNREACH EHOSTDOWN ENETUNREACH
    ENETDOWN EADDRNOTAVAIL EADDRINFO EMFILE ENFILE ESERVFAIL ETIMEOUT UND_ERR_CONNECT_TIMEOUT UND_ERR_PRX_CONN
    UND_ERR_SOCKS5 ConnectionRefused FailedToOpenSocket ConnectTimeout DNSResolveFailed`,
  barred: `EACCES EPERM EPROTO CERT_HAS_EXPIRED CERT_NOT_YET_VALID CERT_REVOKED CERT_UNTRUSTED CERT_REJECTED
    CERT_SIGNATURE_FAILURE CERT_CHAIN_TOO_LONG CRL_SIGNATURE_FAILURE CRL_NOT_YET_VALID CRL_HAS_EXPIRED
    ERROR_IN_CERT_NOT_BEFORE_FIELD ERROR_IN_CERT_NOT_AFTER_FIELD DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN
    UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT UNABLE_TO_GET_ISSUER_CERT_LOCALLY UNABLE_TO_GET_CRL
    UNABLE_TO_DECRYPT_CERT_SIGNATURE UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY INVALID_CA INVALID_PURPOSE
    PATH_LENGTH_EXCEEDED HOSTNAME_MISMATCH ERR_TLS_CERT_ALTNAME_INVALID ERR_TLS_CERT_ALTNAME_FORMAT
    ERR_TLS_CERT_SIGNATURE_ALGORITHM_UNSUPPORTED ERR_SSL_WRONG_VERSION_NUMBER ERR_SSL_UNSUPPORTED_PROTOCOL
    ERR_SSL_UNKNOWN_PROTOCOL ERR_SSL_HTTP_REQUEST ERR_SSL_PACKET_LENGTH_TOO_LONG ERR_SSL_NO_PROTOCOLS_AVAILABLE
    ERR_SSL_CERTIFICATE_VERIFY_FAILED ERR_SSL_TLSV1_UNRECOGNIZED_NAME ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION
    ERR_SSL_TLSV1_ALERT_UNKNOWN_CA ERR_SSL_TLSV1_ALERT_ACCESS_DENIED ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED
    ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED
    ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN UND_ERR_PRX_TLS`,
  closed: "UND_ERR_DESTROYED UND_ERR_CLOSED",
  late: "UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT",
  oversized: `UND_ERR_HEADERS_OVERFLOW UND_ERR_RES_EXCEEDED_MAX_SIZE HPE_HEADER_OVERFLOW HPE_CHUNK_EXTENSIONS_OVERFLOW
    ERR_STRING_TOO_LONG ERR_BUFFER_TOO_LARGE ResponseHeadersTooLarge`,
  unreadable: `UND_ERR_REDIRECT_MAX TooManyRedirects UnexpectedRedirect RedirectURLInvalid InvalidRedirectURL
    RedirectURLTooLong UnsupportedRedirectProtocol RequestRedirectFailed InvalidHTTPResponse Malformed_HTTP_Response
    Z_DATA_ERROR Z_BUF_ERROR Z_NEED_DICT Z_STREAM_ERROR ERR_ENCODING_INVALID_ENCODED_DATA ZlibError BrotliDecompressionError
    ZstdDecompressionError ShortRead InvalidContentEncoding UnsupportedTransferEncoding`,
  unsendable:
    `UND_ERR_INVALID_ARG UND_ERR_INVALID_RETURN_VALUE UND_ERR_NOT_SUPPORTED UND_ERR_REQ_CONTENT_LENGTH_MISMATCH
    UND_ERR_BPL_MISSING_UPSTREAM UND_ERR_MAX_ORIGINS_REACHED ERR_WEBASSEMBLY_NOT_SUPPORTED ERR_INVALID_URL
    ERR_INVALID_ARG_TYPE ERR_INVALID_ARG_VALUE ERR_INVALID_CHAR ERR_INVALID_PROTOCOL ERR_INVALID_HTTP_TOKEN
    ERR_HTTP_INVALID_HEADER_VALUE ERR_HTTP2_INVALID_HEADER_VALUE ERR_UNESCAPED_CHARACTERS ERR_METHOD_NOT_IMPLEMENTED
    ERR_NOT_IMPLEMENTED UnsupportedProxyProtocol`
}

const isMeaning = (key: string): key is keyof typeof codes => key in codes

const meanings: ReadonlyMap<string, Meaning> = new Map(
  Object.keys(codes).filter(isMeaning).flatMap((meaning) =>
    codes[meaning].split(/\s+/).map((code): readonly [string, Meaning] => [code, meaning])
  )
)

/** An end within the answer is what the parser sees of a broken connection. */
const cuts: ReadonlySet<string> = new Set(["HPE_INVALID_EOF_STATE", "HPE_CLOSED_CONNECTION"])

/**
 * What a code means.
 *
 * @since 0.1.0
 */
export const meaningOf = (code: string): Meaning => {
  const known = meanings.get(code)
  if (known !== undefined) return known
  // Whatever else Node's parser complains of (`HPE_…`), or its decoder of Brotli and Zstandard.
  if (code.startsWith("HPE_")) return cuts.has(code) ? "broken" : "unreadable"
  return /^ERR_(?:_?ERROR_FORMAT|BROTLI|ZSTD|ZLIB)|^ZSTD_error/.test(code) ? "unreadable" : "broken"
}

/**
 * True if a connection that failed for this reason fails for it again.
 *
 * @since 0.1.0
 */
export const isFinal = (code: string): boolean => {
  const meaning = meaningOf(code)
  return meaning === "barred" || meaning === "closed"
}

/**
 * Runtimes that say in words what others have codes for, and the codes. Deno has no codes at all; undici has none for
 * redirects and, since version 8, for what its parser says.
 */
const words: ReadonlyArray<readonly [pattern: RegExp, code: string]> = [
  [/redirect count exceeded|Maximum number of redirects/, "UND_ERR_REDIRECT_MAX"],
  [/unexpected redirect|redirect mode is set to/, "UnexpectedRedirect"],
  // Undici's word for an answer that it does not take has the code of a broken connection.
  [/^bad (?:response|upgrade)$/, "InvalidHTTPResponse"],
  [/Invalid EOF state/, "HPE_INVALID_EOF_STATE"],
  [
    /does not match the HTTP\/1\.1 protocol|invalid HTTP version|invalid HTTP header|invalid HTTP status/,
    "HPE_INVALID"
  ],
  [/message head is too large/, "UND_ERR_HEADERS_OVERFLOW"],
  [/Invalid string length|Array buffer allocation failed|[Ss]tring too long/, "ERR_STRING_TOO_LONG"],
  [/dns error|failed to lookup address/, "ENOTFOUND"],
  [/[Cc]onnection refused/, "ECONNREFUSED"],
  [/[Nn]etwork is unreachable/, "ENETUNREACH"],
  [/[Nn]o route to host/, "EHOSTUNREACH"],
  [/invalid peer certificate/, "CERT_UNTRUSTED"],
  [/client error \(Connect\).*(?:corrupt message|fatal alert|peer is incompatible|HandshakeFailure)/, "EPROTO"],
  [/Requires net access/, "EACCES"],
  [/client error \(Connect\)/, "UND_ERR_CONNECT_TIMEOUT"],
  [/[Cc]onnection reset|connection closed before message completed|broken pipe/i, "ECONNRESET"],
  [/^unexpected end of file$|corrupt deflate stream|invalid gzip header|[Dd]ecompression/, "Z_DATA_ERROR"],
  [/^bad port$|port \d+ are blocked|Failed to parse URL|Invalid URL/, "ERR_INVALID_URL"],
  [/[Ii]nvalid header value|invalid header name|^Header '.*' has invalid/, "ERR_INVALID_CHAR"]
]

/**
 * The code for what a runtime says in words, if it is known.
 *
 * @since 0.1.0
 */
export const ofWords = (message: string): string | undefined => words.find(([pattern]) => pattern.test(message))?.[1]
