// Validation of ClusterTrustBundles. Follows pkg/apis/certificates/validation/validation.go of v1.36.

import type { V1beta1ClusterTrustBundle } from '../../generated/types.ts';
import { type FieldError, FieldPath, invalid, tooLong } from '../../meta/errors.ts';
import { byteLength } from '../../meta/go-format.ts';
import { immutableField, validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { isCaCertificate } from '../../pki/ca-certificate.ts';
import { type PemBlock, pemBlocks } from '../../pki/pem.ts';
import { bundleNameProblems, validateSignerName } from '../../pki/signer-name.ts';
import { metaOf } from '../common.ts';

type Bundle = V1beta1ClusterTrustBundle;

const maxBytes = 1024 * 1024;
const at = (field: string): FieldPath => new FieldPath('spec').child(field);

/** Why that is no trust anchor. */
function anchorProblem({ type, hasHeaders, der }: PemBlock): string | undefined {
  if (type !== 'CERTIFICATE') return `has bad block type: ${type}`;
  if (hasHeaders) return 'has PEM block headers';
  try {
    return isCaCertificate(der) ? undefined : 'does not have the CA bit set';
  } catch {
    return 'does not parse as X.509';
  }
}

/** The places of the entries that are there more than once. */
function duplicates(blocks: readonly PemBlock[]): number[][] {
  const places = new Map<string, number[]>();
  for (const [i, { der }] of blocks.entries()) {
    const key = der.toString('base64');
    places.set(key, [...(places.get(key) ?? []), i]);
  }
  return [...places.values()].filter(({ length }) => length > 1);
}

/** The text is never shown: it may be long. */
function validateAnchors(text: string): FieldError[] {
  const path = at('trustBundle');
  if (byteLength(text) > maxBytes) return [tooLong(path, maxBytes)];
  const wrong = (why: string): FieldError => invalid(path, '<value omitted>', why);
  const blocks = pemBlocks(text);
  const errors = blocks.flatMap((block, i) => {
    const problem = anchorProblem(block);
    return problem === undefined ? [] : [wrong(`entry ${i} ${problem}`)];
  });
  // Of broken ones nobody can tell whether they are there twice.
  if (errors.length > 0) return errors;
  if (blocks.length === 0) return [wrong('at least one trust anchor must be provided')];
  return duplicates(blocks).map((places) => wrong(`duplicate trust anchor (indices [${places.join(' ')}])`));
}

function validate(bundle: Bundle, isParsed: boolean): FieldError[] {
  const { signerName = '', trustBundle } = bundle.spec;
  return [
    ...validateObjectMeta(metaOf(bundle), false, (name, prefix) => bundleNameProblems(signerName, name, prefix)),
    ...(signerName === '' ? [] : validateSignerName(at('signerName'), signerName)),
    ...(isParsed ? validateAnchors(trustBundle) : []),
  ];
}

export const validateTrustBundle = (bundle: Bundle): FieldError[] => validate(bundle, true);

/** What was let in once is not read again. */
export function validateTrustBundleUpdate(bundle: Bundle, old: Bundle): FieldError[] {
  return [
    ...validate(bundle, bundle.spec.trustBundle !== old.spec.trustBundle),
    ...validateObjectMetaUpdate(metaOf(bundle), metaOf(old)),
    ...immutableField(at('signerName'), bundle.spec.signerName ?? '', old.spec.signerName ?? ''),
  ];
}
