// Tells the metrics what became of asking a webhook, and how long it took.
// Follows apiserver pkg/admission/plugin/webhook/{mutating,validating}/dispatcher.go of v1.36.

import type { Clock } from '../../../lib/clock.ts';
import type { AdmissionMetrics, WebhookEnd } from '../../metrics/admission-metrics.ts';
import type { AdmissionAttributes } from '../admission.ts';
import { CallFailure } from './call.ts';
import { WebhookDenial } from './review.ts';

export interface ObserveDeps {
  metrics: AdmissionMetrics;
  clock: Clock;
}

interface Observed {
  name: string;
  failurePolicy?: string;
}

function endOf(error: unknown, isIgnored: boolean, isOver: boolean): WebhookEnd {
  if (error instanceof CallFailure) {
    const rejected = !isIgnored;
    return { code: error.code, rejected, error: rejected && !isOver ? 'calling_webhook_error' : undefined };
  }
  if (error instanceof WebhookDenial) return { code: error.code, rejected: true, error: 'no_error' };
  return { code: 0, rejected: true, error: 'apiserver_internal_error' };
}

/** Runs `ask`, which asks that webhook about the request, and passes on what it gives or throws. */
export async function observed<T>(
  { metrics, clock }: ObserveDeps,
  { name, failurePolicy }: Observed,
  type: 'admit' | 'validating',
  at: AdmissionAttributes,
  ask: () => Promise<T>,
): Promise<T> {
  const started = clock.monotonic();
  const tell = (end: WebhookEnd): void => metrics.webhook(name, type, at.operation, end, clock.monotonic() - started);
  try {
    const result = await ask();
    tell({ code: 200, rejected: false });
    return result;
  } catch (error) {
    const isIgnored = failurePolicy === 'Ignore';
    const isOver = at.signal().aborted;
    tell(endOf(error, isIgnored, isOver));
    if (error instanceof CallFailure && isIgnored && !isOver) metrics.failedOpen(name, type);
    throw error;
  }
}
