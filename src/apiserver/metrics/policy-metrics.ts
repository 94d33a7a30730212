// What admission policies did, and how long their expressions took.
// Follows apiserver pkg/admission/plugin/policy/{validating,mutating}/metrics of v1.36.

import type { Registry } from '../../lib/metrics-registry.ts';

const seconds = [0.0000005, 0.001, 0.01, 0.1, 1];

/** What became of a validation: a plain no, or why it could not be evaluated. */
export type PolicyErrorType = 'no_error' | 'invalid_error' | 'out_of_budget';

/** One validation that was not simply passed, and what that led to. Policies and bindings are the administrator's. */
export interface PolicyCheck {
  policy: string;
  binding: string;
  errorType: PolicyErrorType;
  action: 'allow' | 'deny' | 'audit' | 'warn';
  ms: number;
}

export type ObservePolicy = (check: PolicyCheck) => void;

export function policyMetrics(registry: Registry): ObservePolicy {
  const labels = ['policy', 'policy_binding', 'error_type', 'enforcement_action'];
  const total = registry.family(
    'counter',
    'apiserver_validating_admission_policy_check_total',
    '[BETA] Validations of policies that were not passed, by what that led to.',
    labels,
  );
  const durations = registry.histogram(
    'apiserver_validating_admission_policy_check_duration_seconds',
    '[BETA] Time of such validations, in seconds.',
    labels,
    seconds,
  );
  return ({ policy, binding, errorType, action, ms }) => {
    total.series(policy, binding, errorType, action).value++;
    durations.series(policy, binding, errorType, action).observe(ms / 1000);
  };
}

/** One mutation that a policy made or tried. */
export interface PolicyMutation {
  policy: string;
  binding: string;
  errorType: PolicyErrorType | 'compile_error';
  ms: number;
}

export type ObserveMutation = (mutation: PolicyMutation) => void;

export function mutationMetrics(registry: Registry): ObserveMutation {
  const labels = ['policy', 'policy_binding', 'error_type'];
  const total = registry.family(
    'counter',
    'apiserver_mutating_admission_policy_check_total',
    '[ALPHA] Mutations of policies, by what became of them.',
    labels,
  );
  const durations = registry.histogram(
    'apiserver_mutating_admission_policy_check_duration_seconds',
    '[ALPHA] Time of mutations of policies, in seconds.',
    labels,
    seconds,
  );
  return ({ policy, binding, errorType, ms }) => {
    total.series(policy, binding, errorType).value++;
    durations.series(policy, binding, errorType).observe(ms / 1000);
  };
}
