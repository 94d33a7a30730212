// The admission plugin ImagePolicyWebhook: a webhook decides by the images of a pod whether it may be.
// Follows plugin/pkg/admission/imagepolicy of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { LruMap } from '../../lib/lru-map.ts';
import {
  type PostReview,
  reviewExchange,
  type ReviewExchangeDeps,
  type ReviewExchangeOptions,
  reviewStatus,
} from '../review-exchange.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isResource, refuse } from './admission.ts';

/** As --admission-control-config-file has it. */
export interface ImagePolicySettings {
  /** How the webhook is reached. */
  kubeConfigFile: string;
  /** How long answers are kept, in ms; 0 keeps none. */
  allowTtlMs: number;
  denyTtlMs: number;
  /** The first wait before it is asked again, in ms. */
  retryBackoffMs: number;
  /** Whether pods are let in where the webhook cannot be asked. */
  defaultAllow: boolean;
}

export interface ImagePolicyWebhook extends ImagePolicySettings {
  post: PostReview;
}

/** A verdict, and what the audit log is to tell of it. */
interface Verdict {
  allowed: boolean;
  reason: string;
  auditAnnotations: Readonly<Record<string, string>>;
}

const apiVersion = 'imagepolicy.k8s.io/v1alpha1';
const auditPrefix = 'imagepolicywebhook.image-policy.k8s.io/';
/** Marks a pod that was let in unseen. */
const failedOpen = 'alpha.image-policy.k8s.io/failed-open';
const timeoutMs = 30_000;
const maxAnswers = 1024;

function imagesOf({ spec }: Pod, subresource: string): { image?: string }[] {
  const containers =
    subresource === 'ephemeralcontainers'
      ? (spec?.ephemeralContainers ?? [])
      : [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  return containers.map(({ image }) => (image === undefined || image === '' ? {} : { image }));
}

/** What the webhook is asked: the images, and those annotations of the pod that are meant for it. */
function questionOf(pod: Pod, { subresource, namespace }: AdmissionAttributes): object {
  const own = Object.entries(pod.metadata?.annotations ?? {}).filter(([key]) => key.includes('.image-policy.k8s.io/'));
  return {
    containers: imagesOf(pod, subresource),
    ...(own.length === 0 ? {} : { annotations: Object.fromEntries(own.toSorted(([a], [b]) => (a < b ? -1 : 1))) }),
    namespace,
  };
}

/** Throws an Error on a status of other types. */
function verdictOf({ allowed = false, reason = '', auditAnnotations = {} }: Record<string, unknown>): Verdict {
  const isMap = typeof auditAnnotations === 'object' && auditAnnotations !== null;
  if (typeof allowed !== 'boolean' || typeof reason !== 'string' || !isMap)
    throw new Error('the webhook answered with a status of the wrong types');
  const texts = Object.entries(auditAnnotations).filter(
    (pair): pair is [string, string] => typeof pair[1] === 'string',
  );
  return { allowed, reason, auditAnnotations: Object.fromEntries(texts) };
}

const annotate = ({ annotations }: AdmissionAttributes, key: string, value: string): void => {
  if (!annotations.has(auditPrefix + key)) annotations.set(auditPrefix + key, value);
};

/** Lets the pod in unseen, and says so on it. */
function failOpen(at: AdmissionAttributes, pod: Pod): void {
  annotate(at, 'failed-open', 'true');
  pod.metadata = { ...pod.metadata, annotations: { ...pod.metadata?.annotations, [failedOpen]: 'true' } };
}

const concerns = (at: AdmissionAttributes): boolean =>
  (at.operation === 'CREATE' || at.operation === 'UPDATE') &&
  (at.subresource === '' || at.subresource === 'ephemeralcontainers') &&
  isResource(at, '', 'pods');

/** Asks in the order of the webhook's settings, and keeps what it said by the question. */
function asker(hook: ImagePolicyWebhook, deps: ReviewExchangeDeps): (spec: object) => Promise<Verdict> {
  const options: ReviewExchangeOptions = { post: hook.post, timeoutMs, firstDelayMs: hook.retryBackoffMs };
  const exchange = reviewExchange(options, deps);
  const answers = new LruMap<string, { verdict: Verdict; until: number }>(maxAnswers);
  return async (spec) => {
    const key = JSON.stringify(spec);
    const kept = answers.get(key);
    if (kept !== undefined && kept.until > deps.clock.monotonic()) return kept.verdict;
    const review = { kind: 'ImageReview', apiVersion, metadata: {}, spec, status: { allowed: false } };
    const answer = await exchange(Buffer.from(JSON.stringify(review)));
    const verdict = verdictOf(reviewStatus(answer, 'ImageReview', apiVersion));
    const ttl = verdict.allowed ? hook.allowTtlMs : hook.denyTtlMs;
    if (ttl > 0) answers.set(key, { verdict, until: deps.clock.monotonic() + ttl });
    return verdict;
  };
}

export function imagePolicy(hook: ImagePolicyWebhook, deps: ReviewExchangeDeps): AdmissionPlugin {
  const ask = asker(hook, deps);
  return {
    name: 'ImagePolicyWebhook',
    async validate(at) {
      if (!concerns(at)) return;
      const pod = at.object as Pod;
      let verdict: Verdict;
      try {
        verdict = await ask(questionOf(pod, at));
      } catch (error) {
        if (hook.defaultAllow) return failOpen(at, pod);
        throw refuse(at, error instanceof Error ? error.message : String(error));
      }
      for (const [key, value] of Object.entries(verdict.auditAnnotations)) annotate(at, key, value);
      if (verdict.allowed) return;
      const why = 'image policy webhook backend denied one or more images';
      throw refuse(
        at,
        verdict.reason === '' ? 'one or more images rejected by webhook backend' : `${why}: ${verdict.reason}`,
      );
    },
  };
}
