// How long admission takes, by plugin and step, and what webhooks answer.
// Follows apiserver pkg/admission/metrics/metrics.go of v1.36.

import { type Histogram, type Registry } from '../../lib/metrics-registry.ts';

const seconds = [0.005, 0.025, 0.1, 0.5, 1, 2.5];
const webhookSeconds = [...seconds, 10, 25];

/** Whether an object may be changed, or only refused. */
export type AdmissionStep = 'admit' | 'validate';

/** Takes note of one run of a step or plugin, which took `ms`. */
export type ObserveAdmission = (operation: string, rejected: boolean, ms: number) => void;

/** What became of asking a webhook: `code` is that of its answer, 0 where the fault is this server's. */
export interface WebhookEnd {
  code: number;
  /** Whether the request is refused because of it. */
  rejected: boolean;
  /** Why; undefined where it is not refused, or only because the client is gone. */
  error?: 'calling_webhook_error' | 'apiserver_internal_error' | 'no_error' | undefined;
}

/** Whose match conditions are looked at, for what operation. */
export interface ConditionsOf {
  kind: 'webhook' | 'policy';
  name: string;
  /** Policies that change objects are of the type `validate`, too, as upstream has them. */
  type: 'admit' | 'validate';
  operation: string;
}

export interface AdmissionMetrics {
  step(type: AdmissionStep): ObserveAdmission;
  plugin(name: string, type: AdmissionStep): ObserveAdmission;
  /** One call of a webhook. Validating ones are of the type `validating`. */
  webhook(name: string, type: 'admit' | 'validating', operation: string, end: WebhookEnd, ms: number): void;
  /** One evaluation of match conditions, of which `failed` could not be evaluated. */
  conditions(of: ConditionsOf, failed: number, ms: number): void;
  /** A webhook that is not asked because of them. Policies are not counted. */
  excluded(of: ConditionsOf): void;
  /** A webhook that failed and was passed over. */
  failedOpen(name: string, type: 'admit' | 'validating'): void;
}

/** Keeps the histograms of every operation, so that none is looked for by its labels twice. */
function byOperation(make: (operation: string, rejected: string) => Histogram): ObserveAdmission {
  const kept = { true: new Map<string, Histogram>(), false: new Map<string, Histogram>() };
  return (operation, rejected, ms) => {
    const histograms = rejected ? kept.true : kept.false;
    let histogram = histograms.get(operation);
    if (histogram === undefined) {
      histogram = make(operation, String(rejected));
      histograms.set(operation, histogram);
    }
    histogram.observe(ms / 1000);
  };
}

export function admissionMetrics(registry: Registry): AdmissionMetrics {
  const labels = ['name', 'type', 'operation', 'rejected'];
  const steps = registry.histogram(
    'apiserver_admission_step_admission_duration_seconds',
    '[STABLE] Time of a step of admission, in seconds.',
    ['type', 'operation', 'rejected'],
    seconds,
  );
  const plugins = registry.histogram(
    'apiserver_admission_controller_admission_duration_seconds',
    '[STABLE] Time of an admission plugin, in seconds.',
    labels,
    seconds,
  );
  const webhooks = registry.histogram(
    'apiserver_admission_webhook_admission_duration_seconds',
    '[STABLE] Time of an admission webhook, in seconds.',
    labels,
    webhookSeconds,
  );
  const requests = registry.family(
    'counter',
    'apiserver_admission_webhook_request_total',
    '[ALPHA] Requests to admission webhooks, by the code of the answer.',
    ['name', 'type', 'operation', 'code', 'rejected'],
  );
  const rejections = registry.family(
    'counter',
    'apiserver_admission_webhook_rejection_count',
    '[ALPHA] Requests refused because of an admission webhook.',
    ['name', 'type', 'operation', 'error_type', 'rejection_code'],
  );
  const open = registry.family(
    'counter',
    'apiserver_admission_webhook_fail_open_count',
    '[ALPHA] Admission webhooks that failed and were passed over.',
    ['name', 'type'],
  );
  const conditionLabels = ['name', 'kind', 'type', 'operation'];
  const conditionErrors = registry.family(
    'counter',
    'apiserver_admission_match_condition_evaluation_errors_total',
    '[ALPHA] Match conditions that could not be evaluated.',
    conditionLabels,
  );
  const exclusions = registry.family(
    'counter',
    'apiserver_admission_match_condition_exclusions_total',
    '[ALPHA] Requests that match conditions kept from a webhook.',
    conditionLabels,
  );
  const conditionTimes = registry.histogram(
    'apiserver_admission_match_condition_evaluation_seconds',
    '[ALPHA] Time of evaluating match conditions, in seconds.',
    conditionLabels,
    [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25],
  );
  return {
    conditions({ name, kind, type, operation }, failed, ms) {
      conditionTimes.series(name, kind, type, operation).observe(ms / 1000);
      if (failed > 0) conditionErrors.series(name, kind, type, operation).value += failed;
    },
    excluded({ name, kind, type, operation }) {
      exclusions.series(name, kind, type, operation).value++;
    },
    step: (type) => byOperation((operation, rejected) => steps.series(type, operation, rejected)),
    plugin: (name, type) => byOperation((operation, rejected) => plugins.series(name, type, operation, rejected)),
    webhook(name, type, operation, { code, rejected, error }, ms) {
      // Webhooks choose their codes: what HTTP does not have is all one.
      const shown = String(Math.min(code, 600));
      requests.series(name, type, operation, shown, String(rejected)).value++;
      webhooks.series(name, type, operation, String(rejected)).observe(ms / 1000);
      if (error !== undefined) rejections.series(name, type, operation, error, shown).value++;
    },
    failedOpen(name, type) {
      open.series(name, type).value++;
    },
  };
}
