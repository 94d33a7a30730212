// Validation of ClusterTrustBundles. Follows pkg/apis/certificates/validation/validation.go of v1.36.

import type { V1beta1ClusterTrustBundle } from '../../generated/types.ts';
import { type FieldError, FieldPath, invalid, tooLong } from '../../meta/errors.ts';
import { byteLength } from '../../meta/go-format.ts';
import { immutableField, validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { nextTurn } from '../../../lib/next-turn.ts';
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

/** How many certificates are read in one turn of the event loop: each takes up to a quarter of a millisecond. */
const perTurn = 20;

/**
 * What is wrong with the anchors of a bundle, looked at in many turns of the event loop. The text is never shown: it may be long.
 * Rejects with the reason of the signal once that aborts.
 */
async function anchorErrors(text: string, signal: () => AbortSignal): Promise<FieldError[]> {
  const path = at('trustBundle');
  if (byteLength(text) > maxBytes) return [tooLong(path, maxBytes)];
  const wrong = (why: string): FieldError => invalid(path, '<value omitted>', why);
  const blocks = pemBlocks(text);
  const errors: FieldError[] = [];
  for (const [i, block] of blocks.entries()) {
    if (i > 0 && i % perTurn === 0) {
      await nextTurn();
      signal().throwIfAborted();
    }
    const problem = anchorProblem(block);
    if (problem !== undefined) errors.push(wrong(`entry ${i} ${problem}`));
  }
  // Of broken ones nobody can tell whether they are there twice.
  if (errors.length > 0) return errors;
  if (blocks.length === 0) return [wrong('at least one trust anchor must be provided')];
  return duplicates(blocks).map((places) => wrong(`duplicate trust anchor (indices [${places.join(' ')}])`));
}

/** The checks of a bundle that come before those of its anchors. */
export function validateTrustBundle(bundle: Bundle): FieldError[] {
  const { signerName = '' } = bundle.spec;
  return [
    ...validateObjectMeta(metaOf(bundle), false, (name, prefix) => bundleNameProblems(signerName, name, prefix)),
    ...(signerName === '' ? [] : validateSignerName(at('signerName'), signerName)),
  ];
}

const changeErrors = (bundle: Bundle, old: Bundle): FieldError[] => [
  ...validateObjectMetaUpdate(metaOf(bundle), metaOf(old)),
  ...immutableField(at('signerName'), bundle.spec.signerName ?? '', old.spec.signerName ?? ''),
];

/** The checks of the anchors, which are not read again where they were let in once, and after them those of a change, as upstream. */
export async function validateAnchors(
  bundle: Bundle,
  old: Bundle | undefined,
  signal: () => AbortSignal,
): Promise<FieldError[]> {
  const { trustBundle } = bundle.spec;
  const errors = trustBundle === old?.spec.trustBundle ? [] : await anchorErrors(trustBundle, signal);
  return old === undefined ? errors : [...errors, ...changeErrors(bundle, old)];
}
