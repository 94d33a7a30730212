// The plugin ValidatingAdmissionWebhook: asks all webhooks that cover a request at once, each of which may refuse it.
// Follows apiserver pkg/admission/plugin/webhook/validating/dispatcher.go of v1.36.

import type { Logger } from '../../../lib/logger.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { isAdmissionConfiguration } from '../matching/rules.ts';
import { askWebhook, type CallDeps, CallFailure, closedBy } from './call.ts';
import { type CoverDeps, coveredBy } from './cover.ts';
import { hasNoHooks, type Hook, listHooks } from './hooks.ts';
import { type ObserveDeps, observed } from './observe.ts';
import { denial, type ReviewSubject } from './review.ts';

export interface ValidatingDeps extends CallDeps, CoverDeps, ObserveDeps {
  logger: Logger;
}

export function validatingWebhooks(deps: ValidatingDeps): AdmissionPlugin {
  /** Throws what the client is told where the webhook refuses, and CallFailure where it fails. */
  const call = async ({ webhook }: Hook, subject: ReviewSubject): Promise<void> => {
    const { at } = subject;
    const verdict = await askWebhook(deps, webhook, subject, false);
    for (const [key, value] of Object.entries(verdict.auditAnnotations)) {
      const full = `${webhook.name}/${key}`;
      if (!at.annotations.has(full)) at.annotations.set(full, value);
    }
    at.warnings.push(...verdict.warnings);
    if (!verdict.allowed) throw denial(webhook.name, verdict.result);
  };

  /** The same, counted; a failure is passed over where the webhook says so. */
  const ask = async (hook: Hook, subject: ReviewSubject, index: number): Promise<void> => {
    const { webhook } = hook;
    const { at } = subject;
    try {
      await observed(deps, webhook, 'validating', at, () => call(hook, subject));
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      if (webhook.failurePolicy !== 'Ignore') throw closedBy(error);
      deps.logger.warn('a webhook failed and is passed over', { webhook: webhook.name, error: error.message });
      at.annotations.set(`failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`, webhook.name);
    }
  };

  return {
    name: 'ValidatingAdmissionWebhook',
    concerns: () => !hasNoHooks(deps.objects, 'validating'),
    async validate(at) {
      if (isAdmissionConfiguration(at)) return;
      const calls: { hook: Hook; subject: ReviewSubject }[] = [];
      for (const hook of await listHooks(deps.objects, 'validating')) {
        const subject = await coveredBy(deps, hook, at, 'validate');
        if (subject !== undefined) calls.push({ hook, subject });
      }
      if (calls.length === 0) return;
      const asked = deps.clock.monotonic();
      const ends = await Promise.allSettled(calls.map(({ hook, subject }, index) => ask(hook, subject, index)));
      at.waited(deps.clock.monotonic() - asked);
      const refused = ends.find((end) => end.status === 'rejected');
      if (refused !== undefined) throw refused.reason as Error;
    },
  };
}
