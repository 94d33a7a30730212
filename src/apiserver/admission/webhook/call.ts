// Asks one webhook and gives its verdict, or says why there is none.
// Follows apiserver pkg/admission/plugin/webhook/{mutating,validating}/dispatcher.go (call…Hook) of v1.36.

import type {
  AdmissionregistrationV1WebhookClientConfig,
  MutatingWebhook,
  ValidatingWebhook,
} from '../../../api/generated/types.ts';
import { badRequest, internalError } from '../../../api/meta/errors.ts';
import { goQuote } from '../../../api/meta/go-format.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Random } from '../../../lib/random.ts';
import { refusedText } from '../../refused-answer.ts';
import type { ObjectLookup } from '../object-lookup.ts';
import { resolveService } from './resolve-service.ts';
import { readVerdict, reviewBody, type ReviewSubject, reviewVersion, type Verdict } from './review.ts';
import type { WebhookAnswer, WebhookCall, WebhookCaller } from './webhook-caller.ts';

export interface CallDeps {
  objects: ObjectLookup;
  random: Random;
  clock: Clock;
  call: WebhookCaller;
}

/** How a webhook is reached, and how long it may take. */
export interface WebhookTarget {
  clientConfig: AdmissionregistrationV1WebhookClientConfig;
  timeoutSeconds: number;
  /** What follows the path: ?timeout=10s */
  query: string;
}

type Webhook = Pick<
  MutatingWebhook & ValidatingWebhook,
  'name' | 'clientConfig' | 'admissionReviewVersions' | 'sideEffects' | 'timeoutSeconds'
>;

/** There is no verdict: the webhook cannot be reached, or answers nonsense. What then happens is its failure policy's to say. */
export class CallFailure extends Error {
  /** What HTTP calls it: the webhook's own code where it answered. */
  readonly code: number;
  constructor(webhook: string, reason: string, code: number) {
    super(`failed calling webhook ${goQuote(webhook)}: ${reason}`);
    this.name = 'CallFailure';
    this.code = code;
  }
}

/** A webhook's answer that is no success. */
class AnswerError extends Error {
  readonly code: number;
  constructor(answer: WebhookAnswer) {
    super(refusedText(answer));
    this.code = answer.status;
  }
}

/** Where the webhook is. Throws an Error. */
async function target(
  deps: CallDeps,
  { clientConfig, query }: WebhookTarget,
): Promise<Pick<WebhookCall, 'url' | 'connectTo'>> {
  const { url, service } = clientConfig;
  if (service === undefined) return { url: `${url ?? ''}${query}`, connectTo: undefined };
  const { namespace, name, path = '', port = 443 } = service;
  const full = `https://${name}.${namespace}.svc:${port}${path.startsWith('/') ? path : `/${path}`}${query}`;
  try {
    return { url: full, connectTo: await resolveService(deps.objects, deps.random, { namespace, name, port }) };
  } catch (error) {
    throw new Error(`Post ${goQuote(full)}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** One exchange, ended by the webhook's own time limit or by the end of the request. */
async function exchange(deps: CallDeps, hook: WebhookTarget, body: Buffer, outer: AbortSignal): Promise<WebhookAnswer> {
  const limit = new AbortController();
  const timer = deps.clock.after(hook.timeoutSeconds * 1000, () => limit.abort());
  const ca = Buffer.from(hook.clientConfig.caBundle ?? '', 'base64').toString('utf8');
  try {
    const signal = AbortSignal.any([outer, limit.signal]);
    return await deps.call({ ...(await target(deps, hook)), ca, body, signal });
  } finally {
    timer.cancel();
  }
}

/** Posts JSON to a webhook and reads the JSON of its answer. Rejects with an Error in client-go's words. */
export async function postJson(
  deps: CallDeps,
  hook: WebhookTarget,
  body: Buffer,
  signal: AbortSignal,
): Promise<unknown> {
  const answer = await exchange(deps, hook, body, signal);
  if (answer.status < 200 || answer.status > 206) throw new AnswerError(answer);
  try {
    return JSON.parse(answer.body.toString('utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`couldn't get version/kind; json parse error: ${why}`, { cause: error });
  }
}

/**
 * The verdict of one webhook. Throws CallFailure where there is none, and 400 where a dry run is nothing for it.
 */
export async function askWebhook(
  deps: CallDeps,
  hook: Webhook,
  subject: ReviewSubject,
  mutating: boolean,
): Promise<Verdict> {
  const { at } = subject;
  if (at.dryRun && hook.sideEffects !== 'None' && hook.sideEffects !== 'NoneOnDryRun')
    throw badRequest(`admission webhook ${goQuote(hook.name)} does not support dry run`);
  const fail = (step: string, error: unknown, code = 503): never => {
    throw new CallFailure(hook.name, `${step}: ${error instanceof Error ? error.message : String(error)}`, code);
  };
  const version = reviewVersion(hook.admissionReviewVersions);
  if (version === undefined)
    return fail(
      'could not create admission objects',
      'webhook does not accept known AdmissionReview versions (v1, v1beta1)',
      400,
    );
  const uid = deps.random.uuid();
  const body = reviewBody(version, uid, subject);
  const { clientConfig, timeoutSeconds = 10 } = hook;
  const reached = { clientConfig, timeoutSeconds, query: `?timeout=${timeoutSeconds}s` };
  const value = await postJson(deps, reached, body, at.signal()).catch((error: unknown) =>
    fail('failed to call webhook', error, error instanceof AnswerError ? error.code : undefined),
  );
  try {
    return readVerdict(version, uid, mutating, value);
  } catch (error) {
    return fail('received invalid webhook response', error);
  }
}

/** What a client is told where no verdict is as bad as a refusal. */
export const closedBy = (failure: CallFailure): ReturnType<typeof internalError> => internalError(failure.message);
