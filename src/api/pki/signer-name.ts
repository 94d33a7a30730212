// Names of signers, and of the trust bundles that belong to them. Follows pkg/apis/core/validation/names.go of v1.36.

import { type FieldError, type FieldPath, invalid, required, tooLong } from '../meta/errors.ts';
import { byteLength, goQuote } from '../meta/go-format.ts';
import { dns1123Label, dns1123Subdomain, nameIsSubdomain } from '../meta/names.ts';

/** A signer: a domain and a path, as in example.com/signer-name. */
export function validateSignerName(path: FieldPath, name: string): FieldError[] {
  if (name === '') return [required(path)];
  const parts = name.split('/');
  if (parts.length !== 2) {
    return [invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")];
  }
  const [domain = '', rest = ''] = parts;
  const errors: FieldError[] = byteLength(domain) > 253 ? [tooLong(path, 253)] : [];
  const check = (whole: string, problemsOf: (label: string) => string[]): void => {
    const bad = whole.split('.').find((label) => problemsOf(label).length);
    if (bad === undefined) return;
    for (const problem of problemsOf(bad))
      errors.push(invalid(path, whole, `validating label ${goQuote(bad)}: ${problem}`));
  };
  check(domain, dns1123Label);
  if (!domain.includes('.')) {
    errors.push(invalid(path, domain, 'should be a domain with at least two segments separated by dots'));
  }
  check(rest, dns1123Subdomain);
  const longest = 253 + 1 + (253 + 63 + 1);
  if (byteLength(name) > longest) errors.push(tooLong(path, longest));
  return errors;
}

/** What the names of a signer's bundles begin with: `example.com:signer-name:`. */
export const bundleNamePrefix = (signerName: string): string => `${signerName.replaceAll('/', ':')}:`;

/** What is wrong with the name of a bundle of that signer, of none where that is empty. `prefix`: more will be put behind it. */
export function bundleNameProblems(signerName: string, name: string, prefix: boolean): string[] {
  if (signerName === '') {
    if (name.includes(':')) return ['ClusterTrustBundle without signer name must not have ":" in its name'];
    return nameIsSubdomain(name, prefix);
  }
  const start = bundleNamePrefix(signerName);
  if (!name.startsWith(start))
    return [`ClusterTrustBundle for signerName ${signerName} must be named with prefix ${start}`];
  return nameIsSubdomain(name.slice(start.length), prefix);
}

/** The same of a bundle of which only the name is known: it tells the signer. */
export function namedBundleProblems(name: string): string[] {
  const colon = name.lastIndexOf(':');
  return bundleNameProblems(colon < 0 ? '' : name.slice(0, colon).replaceAll(':', '/'), name, false);
}
