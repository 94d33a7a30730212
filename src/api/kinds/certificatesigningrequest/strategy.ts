// What may be done to CertificateSigningRequests, at which endpoint. Follows pkg/registry/certificates/certificates/strategy.go of v1.36.

import type { CertificateSigningRequest } from '../../generated/types.ts';
import { formatTime } from '../../meta/time.ts';
import type { Strategy } from '../../scheme.ts';
import { assign } from '../common.ts';
import { validateCsr, validateCsrUpdate } from './validate.ts';

type Csr = CertificateSigningRequest;

/** Conditions without times get the present one; the transition keeps its time where the status stayed. `now` in ms. */
function stampConditions(csr: Csr, old: Csr, now: number): void {
  const at = formatTime(now);
  for (const condition of csr.status?.conditions ?? []) {
    condition.lastUpdateTime ??= at;
    const before = old.status?.conditions?.find(
      ({ type, status }) => type === condition.type && status === condition.status,
    );
    condition.lastTransitionTime ??= before?.lastTransitionTime ?? at;
  }
}

/** Conditions of approval and denial stay what they are, as long as none came or went: validation would refuse that. */
function keepDecision({ status }: Csr, old: Csr): void {
  for (const decision of ['Approved', 'Denied']) {
    const before = old.status?.conditions?.filter(({ type }) => type === decision) ?? [];
    if (before.length === 0 || status?.conditions?.filter(({ type }) => type === decision).length !== before.length)
      continue;
    status.conditions = status.conditions.map((each) => (each.type === decision ? (before.shift() ?? each) : each));
  }
}

export const csrStrategy: Strategy<Csr> = {
  resetFields: [['spec'], ['status']],
  allowCreateOnUpdate: false,
  prepareForCreate(csr, { requester }) {
    // Who asks is what authentication found, whatever the object says.
    for (const field of ['username', 'uid', 'groups', 'extra'] as const) delete csr.spec[field];
    if (requester !== undefined) {
      csr.spec.username = requester.name;
      csr.spec.groups = [...requester.groups];
      if (requester.uid) csr.spec.uid = requester.uid;
      if (requester.extra !== undefined && Object.keys(requester.extra).length > 0)
        csr.spec.extra = Object.fromEntries(Object.entries(requester.extra).map(([key, values]) => [key, [...values]]));
    }
    csr.status = {};
  },
  validateCreate: validateCsr,
  prepareForUpdate(csr, old) {
    csr.spec = old.spec;
    assign(csr, 'status', old.status);
  },
  validateUpdate: (csr, old) => validateCsrUpdate(csr, old, { approve: false, issue: false }),
};

/** /status: the certificate, and that signing has failed. */
export const csrStatusStrategy: Strategy<Csr> = {
  ...csrStrategy,
  resetFields: [['spec'], ['status', 'conditions']],
  prepareForUpdate(csr, old, { now }) {
    csr.spec = old.spec;
    keepDecision(csr, old);
    stampConditions(csr, old, now);
  },
  validateUpdate: (csr, old) => validateCsrUpdate(csr, old, { approve: false, issue: true }),
};

/** /approval: the conditions, and nothing else. */
export const csrApprovalStrategy: Strategy<Csr> = {
  ...csrStrategy,
  resetFields: [['spec'], ['status', 'certificate']],
  prepareForUpdate(csr, old, { now }) {
    csr.spec = old.spec;
    const { conditions } = csr.status ?? {};
    csr.status = { ...old.status };
    assign(csr.status, 'conditions', conditions);
    stampConditions(csr, old, now);
  },
  validateUpdate: (csr, old) => validateCsrUpdate(csr, old, { approve: true, issue: false }),
};
