// Validation of CertificateSigningRequests. Follows pkg/apis/certificates/validation of v1.36.

import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../generated/types.ts';
import {
  duplicate,
  type FieldError,
  FieldPath,
  forbiddenField,
  invalid,
  notSupported,
  required,
} from '../../meta/errors.ts';
import { pathSegmentName } from '../../meta/names.ts';
import { equalJson } from '../../meta/equal.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { checkCertificates, decodedText } from '../../pki/certificate-request.ts';
import { validateSignerName } from '../../pki/signer-name.ts';
import { metaOf } from '../common.ts';
import { legacyUnknown, requestOf } from './signers.ts';

/** Every usage that a request may name, sorted. */
const usages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

const conditionsPath = new FieldPath('status').child('conditions');
const trueOnly: ReadonlySet<string> = new Set(['Approved', 'Denied', 'Failed']);
const conditionsOf = (csr: CertificateSigningRequest): readonly CertificateSigningRequestCondition[] =>
  csr.status?.conditions ?? [];

function validateConditions(csr: CertificateSigningRequest): FieldError[] {
  const seen = new Set<string>();
  return conditionsOf(csr).flatMap(({ type, status }, i) => {
    const errors: FieldError[] = [];
    const path = conditionsPath.index(i);
    if (type === '') errors.push(required(path.child('type')));
    const allowed = trueOnly.has(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (status === '') errors.push(required(path.child('status')));
    else if (!allowed.includes(status)) errors.push(notSupported(path.child('status'), status, allowed));
    const opposite = { Approved: 'Denied', Denied: 'Approved' }[type];
    if (opposite !== undefined && seen.has(opposite))
      errors.push(invalid(conditionsPath, type, 'Approved and Denied conditions are mutually exclusive'));
    if (seen.has(type)) errors.push(duplicate(path.child('type'), type));
    seen.add(type);
    return errors;
  });
}

function validateSpec({ spec }: CertificateSigningRequest): FieldError[] {
  const path = new FieldPath('spec');
  const errors: FieldError[] = [];
  try {
    requestOf(spec);
  } catch (error) {
    errors.push(invalid(path.child('request'), spec.request, error instanceof Error ? error.message : String(error)));
  }
  const wanted = spec.usages ?? [];
  if (wanted.length === 0) errors.push(required(path.child('usages')));
  for (const [i, usage] of wanted.entries())
    if (!usages.includes(usage)) errors.push(notSupported(path.child('usages').index(i), usage, usages));
  for (const [i, usage] of wanted.entries())
    if (wanted.indexOf(usage) < i) errors.push(duplicate(path.child('usages').index(i), usage));
  const signer = path.child('signerName');
  if (spec.signerName === legacyUnknown)
    errors.push(invalid(signer, spec.signerName, 'the legacy signerName is not allowed via this API version'));
  else errors.push(...validateSignerName(signer, spec.signerName));
  if (spec.expirationSeconds !== undefined && spec.expirationSeconds < 600)
    errors.push(
      invalid(
        path.child('expirationSeconds'),
        spec.expirationSeconds,
        'may not specify a duration less than 600 seconds (10 minutes)',
      ),
    );
  return errors;
}

function validateIssued(csr: CertificateSigningRequest): FieldError[] {
  const { certificate } = csr.status ?? {};
  if (!certificate) return [];
  try {
    checkCertificates(decodedText(certificate));
    return [];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [invalid(new FieldPath('status').child('certificate'), '<certificate data>', why)];
  }
}

export function validateCsr(csr: CertificateSigningRequest): FieldError[] {
  return [
    ...validateObjectMeta(metaOf(csr), false, pathSegmentName),
    ...validateSpec(csr),
    ...validateConditions(csr),
    ...validateIssued(csr),
  ];
}

/** What an endpoint may do beside what every update may. */
export interface CsrUpdateRights {
  approve: boolean;
  issue: boolean;
}

/** An update through one of the endpoints. The spec was put back before; it is what was found good on create. */
export function validateCsrUpdate(
  csr: CertificateSigningRequest,
  old: CertificateSigningRequest,
  may: CsrUpdateRights,
): FieldError[] {
  const errors: FieldError[] = [
    ...validateObjectMeta(metaOf(csr), false, pathSegmentName),
    ...validateConditions(csr),
    ...((csr.status?.certificate ?? '') === (old.status?.certificate ?? '') ? [] : validateIssued(csr)),
  ];
  const ofType = (one: CertificateSigningRequest, type: string) => conditionsOf(one).filter((c) => c.type === type);
  for (const type of trueOnly)
    if (ofType(csr, type).length < ofType(old, type).length)
      errors.push(forbiddenField(conditionsPath, `updates may not remove a condition of type ${JSON.stringify(type)}`));
  if (!may.approve)
    for (const type of ['Approved', 'Denied']) {
      const [now, before] = [ofType(csr, type), ofType(old, type)];
      const verb = now.length > before.length ? 'add' : equalJson(now, before) ? undefined : 'modify';
      if (verb !== undefined && now.length >= before.length)
        errors.push(
          forbiddenField(conditionsPath, `updates may not ${verb} a condition of type ${JSON.stringify(type)}`),
        );
    }
  const [issued, before] = [csr.status?.certificate ?? '', old.status?.certificate ?? ''];
  const certificate = new FieldPath('status').child('certificate');
  if (issued !== before && !may.issue)
    errors.push(forbiddenField(certificate, 'updates may not set certificate content'));
  else if (issued !== before && before !== '')
    errors.push(forbiddenField(certificate, 'updates may not modify existing certificate content'));
  return [...errors, ...validateObjectMetaUpdate(metaOf(csr), metaOf(old))];
}
