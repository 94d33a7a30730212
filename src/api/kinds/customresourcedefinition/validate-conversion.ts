// Checks of how objects are converted between versions.
// Follows apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go (validateCustomResourceConversion) of v1.36.

import { validateClientConfig } from '../admissionregistration/client-config.ts';
import type { CustomResourceConversion } from '../../generated/types.ts';
import { type FieldError, FieldPath, forbiddenField, invalid, notSupported, required } from '../../meta/errors.ts';
import { dns1035Label } from '../../meta/names.ts';

const path = new FieldPath('spec').child('conversion');
/** What of ConversionReview is known here. */
const reviewVersions = ['v1', 'v1beta1'];

/** Whether it holds certificates in PEM, or nothing at all. `bundle` is base64, as JSON has it. */
export function isCaBundle(bundle: string): boolean {
  const text = Buffer.from(bundle, 'base64').toString('latin1');
  if (text.trim() === '') return true;
  const blocks = text.matchAll(/-----BEGIN CERTIFICATE-----\r?\n([\w+/=\s]+)-----END CERTIFICATE-----/g);
  // DER of a certificate is a sequence.
  return [...blocks].some(([, body = '']) => Buffer.from(body, 'base64')[0] === 0x30);
}

function validateReviewVersions(versions: readonly string[]): FieldError[] {
  const at = path.child('conversionReviewVersions');
  if (versions.length === 0) return [required(at)];
  const errors = versions.flatMap((version, i) => {
    if (versions.indexOf(version) < i) return [invalid(at.index(i), version, 'duplicate version')];
    return dns1035Label(version).map((message) => invalid(at.index(i), version, message));
  });
  if (versions.some((version) => reviewVersions.includes(version))) return errors;
  return [...errors, invalid(at, versions, `must include at least one of ${reviewVersions.join(', ')}`)];
}

/** `allowAnyBundle` lets a bundle pass that is none, as long as the definition is not established. */
export function validateConversion(
  conversion: CustomResourceConversion | undefined,
  allowAnyBundle: boolean,
): FieldError[] {
  if (conversion === undefined) return [];
  const { strategy = '', webhook } = conversion;
  const errors: FieldError[] = [];
  if (strategy === '') errors.push(required(path.child('strategy')));
  else if (strategy !== 'None' && strategy !== 'Webhook')
    errors.push(notSupported(path.child('strategy'), strategy, ['None', 'Webhook']));
  const client = webhook?.clientConfig;
  const at = path.child('webhookClientConfig');
  const versions = webhook?.conversionReviewVersions ?? [];
  if (strategy !== 'Webhook') {
    const detail = 'should not be set when strategy is not set to Webhook';
    if (client !== undefined) errors.push(forbiddenField(at, detail));
    if (versions.length > 0) errors.push(forbiddenField(path.child('conversionReviewVersions'), detail));
    return errors;
  }
  if (client === undefined) errors.push(required(at, 'required when strategy is set to Webhook'));
  else {
    const { caBundle = '' } = client;
    errors.push(...validateClientConfig(at, client));
    if (!allowAnyBundle && !isCaBundle(caBundle))
      errors.push(
        invalid(at.child('caBundle'), caBundle, 'unable to load root certificates: unable to parse bytes as PEM block'),
      );
  }
  return [...errors, ...validateReviewVersions(versions)];
}
