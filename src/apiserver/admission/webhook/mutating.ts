// The plugin MutatingAdmissionWebhook: asks webhooks one after the other, each of which may change the object.
// Follows apiserver pkg/admission/plugin/webhook/mutating/{dispatcher,reinvocationcontext}.go of v1.36.

import type { KubeObject } from '../../../api/meta/types.ts';
import { equalJson } from '../../../api/meta/equal.ts';
import { cloneTree } from '../../../api/patch/json-tree.ts';
import type { Logger } from '../../../lib/logger.ts';
import type { ObjectMachinery } from '../../machinery.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts';
import { isAdmissionConfiguration } from '../matching/rules.ts';
import { applyVerdict } from './apply-patch.ts';
import { askWebhook, type CallDeps, CallFailure, closedBy } from './call.ts';
import { type CoverDeps, coveredBy } from './cover.ts';
import { hasNoHooks, type Hook, listHooks } from './hooks.ts';
import { type ObserveDeps, observed } from './observe.ts';
import { denial, type ReviewSubject } from './review.ts';

export interface MutatingDeps extends CallDeps, CoverDeps, ObserveDeps {
  machinery: ObjectMachinery;
  logger: Logger;
}

const name = 'MutatingAdmissionWebhook';

/** What is remembered from the first round for the second. */
interface Rounds {
  /** The object as the webhooks left it. */
  left: KubeObject | undefined;
  /** Asked, and to be asked again should the object change after that. */
  asked: Set<string>;
  /** To be asked again. */
  again: Set<string>;
}

function roundsOf({ reinvocation: { kept } }: AdmissionAttributes): Rounds {
  const known = kept.get(name) as Rounds | undefined;
  const rounds = known ?? { left: undefined, asked: new Set(), again: new Set() };
  kept.set(name, rounds);
  return rounds;
}

/** All that were asked before the object changed once more are to be asked again. */
function requireAgain(rounds: Rounds): void {
  for (const id of rounds.asked) rounds.again.add(id);
  rounds.asked.clear();
}

/** Notes for the audit log what the webhook did; `place` counts all webhooks, also those that were not asked. */
function annotate(at: AdmissionAttributes, key: string, value: string): void {
  if (!at.annotations.has(key)) at.annotations.set(key, value);
}

export function mutatingWebhooks(deps: MutatingDeps): AdmissionPlugin {
  /** Asks one webhook and applies what it says; tells whether the object changed. */
  const call = async (hook: Hook, subject: ReviewSubject, place: string): Promise<boolean> => {
    const { at } = subject;
    const { webhook, configuration } = hook;
    const about = { configuration, webhook: webhook.name };
    let mutated = false;
    try {
      const asked = deps.clock.monotonic();
      const verdict = await askWebhook(deps, webhook, subject, true).finally(() =>
        at.waited(deps.clock.monotonic() - asked),
      );
      for (const [key, value] of Object.entries(verdict.auditAnnotations))
        annotate(at, `${webhook.name}/${key}`, value);
      at.warnings.push(...verdict.warnings);
      if (!verdict.allowed) throw denial(webhook.name, verdict.result);
      mutated = await applyVerdict(deps.machinery, webhook.name, subject, verdict);
      if (mutated) {
        const patch = { ...about, patch: JSON.parse(verdict.patch) as unknown, patchType: 'JSONPatch' };
        annotate(at, `patch.webhook.admission.k8s.io/${place}`, JSON.stringify(patch));
      }
    } finally {
      annotate(at, `mutation.webhook.admission.k8s.io/${place}`, JSON.stringify({ ...about, mutated }));
    }
    return mutated;
  };

  const ask = async (hook: Hook, index: number, at: AdmissionAttributes, rounds: Rounds): Promise<void> => {
    const subject = await coveredBy(deps, hook, at, 'admit');
    if (subject === undefined) return;
    // In the second round none is asked for the first time.
    if (at.reinvocation.again && !rounds.again.has(hook.id)) return;
    const place = `round_${at.reinvocation.again ? 1 : 0}_index_${index}`;
    const { webhook } = hook;
    try {
      if (await observed(deps, webhook, 'admit', at, () => call(hook, subject, place))) {
        requireAgain(rounds);
        at.reinvocation.wanted = true;
      }
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      if (webhook.failurePolicy !== 'Ignore') throw closedBy(error);
      deps.logger.warn('a webhook failed and is passed over', { webhook: webhook.name, error: error.message });
      annotate(at, `failed-open.mutation.webhook.admission.k8s.io/${place}`, webhook.name);
    } finally {
      if (webhook.reinvocationPolicy === 'IfNeeded') rounds.asked.add(hook.id);
    }
  };

  return {
    name,
    concerns: () => !hasNoHooks(deps.objects, 'mutating'),
    async mutate(at) {
      if (isAdmissionConfiguration(at)) return;
      const hooks = await listHooks(deps.objects, 'mutating');
      if (hooks.length === 0) return;
      const rounds = roundsOf(at);
      // Other plugins of the second round changed what the webhooks had left.
      if (at.reinvocation.again && !equalJson(rounds.left, at.object)) requireAgain(rounds);
      for (const [index, hook] of hooks.entries()) await ask(hook, index, at, rounds);
      rounds.left = at.object === undefined ? undefined : cloneTree(at.object);
    },
  };
}
