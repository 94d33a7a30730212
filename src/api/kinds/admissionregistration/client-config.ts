// Checks of how a webhook is reached: by URL or by service. Follows apiserver pkg/util/webhook/validation.go of v1.36.

import type { AdmissionregistrationV1WebhookClientConfig } from '../../generated/types.ts';
import { type FieldError, type FieldPath, invalid, required } from '../../meta/errors.ts';
import { dns1123Subdomain, portNumber } from '../../meta/names.ts';

const form = '; desired format: https://host[/path]';

/** As Go's url.Parse splits it; undefined where it cannot be read. */
function splitUrl(
  text: string,
): { scheme: string; user: string; host: string; query: string; fragment: string } | undefined {
  const found = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text);
  // Blanks, control characters and a port that is no number are what Go refuses.
  const isPlain = /^[!-~\u0080-\u{10ffff}]*$/u.test(text);
  if (found === null || !isPlain) return undefined;
  const [, scheme = '', authority = '', , query = '', fragment = ''] = found;
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  if (/:[^\]]*[^0-9\]]/.test(host.replace(/^\[.*\]/, ''))) return undefined;
  return { scheme: scheme.toLowerCase(), user: at < 0 ? '' : authority.slice(0, at), host, query, fragment };
}

function urlErrors(at: FieldPath, text: string): FieldError[] {
  const url = splitUrl(text);
  if (url === undefined)
    return [required(at, `url must be a valid URL: parse ${JSON.stringify(text)}: invalid URL${form}`)];
  const errors: FieldError[] = [];
  if (url.scheme !== 'https') errors.push(invalid(at, url.scheme, `'https' is the only allowed URL scheme${form}`));
  if (url.host === '') errors.push(invalid(at, url.host, `host must be provided${form}`));
  if (url.user !== '') errors.push(invalid(at, url.user, 'user information is not permitted in the URL'));
  if (url.fragment !== '') errors.push(invalid(at, url.fragment, 'fragments are not permitted in the URL'));
  if (url.query !== '') errors.push(invalid(at, url.query, 'query parameters are not permitted in the URL'));
  return errors;
}

function pathErrors(at: FieldPath, path: string): FieldError[] {
  if (path === '' || path === '/') return [];
  if (path === '//') return [invalid(at, path, 'segment[0] may not be empty')];
  const errors = path.startsWith('/') ? [] : [invalid(at, path, "must start with a '/'")];
  const steps = path.slice(1).replace(/\/$/, '').split('/');
  for (const [i, step] of steps.entries()) {
    if (step === '') errors.push(invalid(at, path, `segment[${i}] may not be empty`));
    else for (const why of dns1123Subdomain(step)) errors.push(invalid(at, path, `segment[${i}]: ${why}`));
  }
  return errors;
}

type ServiceReference = NonNullable<AdmissionregistrationV1WebhookClientConfig['service']>;

function serviceErrors(at: FieldPath, { name = '', namespace = '', path, port = 443 }: ServiceReference): FieldError[] {
  const errors: FieldError[] = [];
  if (name === '') errors.push(required(at.child('name'), 'service name is required'));
  if (namespace === '') errors.push(required(at.child('namespace'), 'service namespace is required'));
  const wrong = portNumber(port);
  if (wrong.length > 0) errors.push(invalid(at.child('port'), port, `port is not valid: ${wrong.join(', ')}`));
  return path === undefined ? errors : [...errors, ...pathErrors(at.child('path'), path)];
}

/** Checks a webhook's clientConfig, `at` being its path. */
export function validateClientConfig(
  at: FieldPath,
  { url, service }: AdmissionregistrationV1WebhookClientConfig,
): FieldError[] {
  if ((url === undefined) === (service === undefined))
    return [required(at, 'exactly one of url or service is required')];
  if (url !== undefined) return urlErrors(at.child('url'), url);
  return service === undefined ? [] : serviceErrors(at.child('service'), service);
}
