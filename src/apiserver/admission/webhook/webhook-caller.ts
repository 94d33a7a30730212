// How webhooks are reached, as an interface: over HTTPS (http/webhook-client.ts), or as a test has it.

/** One POST to a webhook. */
export interface WebhookCall {
  /** https://host[:port]/path?timeout=10s, as errors show it; host and port are those of the TLS certificate and the Host header. */
  url: string;
  /** The pod's address to connect to instead of the URL's host, where the webhook is a service. */
  connectTo: { host: string; port: number } | undefined;
  /** PEM of the CAs that may have signed the webhook's certificate; the system's own where it is empty. */
  ca: string;
  body: Buffer;
  signal: AbortSignal;
}

/** What came back: any status, redirects too, which nobody follows. */
export interface WebhookAnswer {
  status: number;
  contentType: string;
  body: Buffer;
}

/** Rejects with an error whose message says in Go's words why there is no answer. */
export type WebhookCaller = (call: WebhookCall) => Promise<WebhookAnswer>;
