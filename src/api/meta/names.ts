// Checks of names, labels and keys; each gives the messages that Kubernetes gives, empty when the value is fine.
// Follows apimachinery pkg/util/validation and pkg/api/validate/content of v1.36.

import { byteLength } from './go-format.ts';

/** A name check: `prefix` is set for generateName, which may end in a dash. */
export type NameCheck = (name: string, prefix: boolean) => string[];

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const underscoreLabel = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const underscoreSubdomain = `${underscoreLabel}(\\.${underscoreLabel})*`;
const dns1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const labelKey = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const labelValue = `(${labelKey})?`;
const cIdentifier = '[A-Za-z_][A-Za-z0-9_]*';
const httpHeader = '[-A-Za-z0-9]+';
const configKey = '[-._a-zA-Z0-9]+';
const wildcard = `\\*\\.${subdomain}`;
const httpPath = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

const whole = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`);
const patterns = {
  label: whole(label),
  subdomain: whole(subdomain),
  underscoreSubdomain: whole(underscoreSubdomain),
  dns1035: whole(dns1035),
  labelKey: whole(labelKey),
  labelValue: whole(labelValue),
  cIdentifier: whole(cIdentifier),
  httpHeader: whole(httpHeader),
  configKey: whole(configKey),
  wildcard: whole(wildcard),
  httpPath: whole(httpPath),
};

/** The text of a failed pattern, with its examples. */
export function regexMessage(text: string, pattern: string, ...examples: string[]): string {
  const shown = examples.map((example) => `'${example}', `).join(' or ');
  return examples.length === 0
    ? `${text} (regex used for validation is '${pattern}')`
    : `${text} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

export const maxLengthMessage = (length: number): string => `must be no more than ${length} characters`;
// Label keys and values moved to the newer package, which counts in bytes.
const maxBytesMessage = (length: number): string => `must be no more than ${length} bytes`;
export const rangeMessage = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;
export const emptyMessage = 'must be non-empty';

const tooLong = (value: string, max: number): string[] => (byteLength(value) > max ? [maxLengthMessage(max)] : []);

/** A DNS label as RFC 1123 has it (63 bytes). */
export function dns1123Label(value: string): string[] {
  const messages = tooLong(value, 63);
  if (patterns.label.test(value)) return messages;
  if (patterns.subdomain.test(value)) return [...messages, 'must not contain dots'];
  return [
    ...messages,
    regexMessage(
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
      label,
      'my-name',
      '123-abc',
    ),
  ];
}

/** A DNS subdomain as RFC 1123 has it (253 bytes). */
export function dns1123Subdomain(value: string): string[] {
  const messages = tooLong(value, 253);
  if (patterns.subdomain.test(value)) return messages;
  return [
    ...messages,
    regexMessage(
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
      subdomain,
      'example.com',
    ),
  ];
}

/** `*.` before a DNS subdomain. */
export function wildcardSubdomain(value: string): string[] {
  const messages = tooLong(value, 253);
  if (patterns.wildcard.test(value)) return messages;
  return [
    ...messages,
    regexMessage(
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
      wildcard,
      '*.example.com',
    ),
  ];
}

/** What is wrong with a path after a domain (acme.io/foo), each with the part it is wrong with. */
export function domainPrefixedPathMessages(value: string): { part: string; message: string }[] {
  const slash = value.indexOf('/');
  const [host, path] = [value.slice(0, Math.max(slash, 0)), value.slice(slash + 1)];
  if (host === '' || path === '')
    return [{ part: value, message: 'must be a domain-prefixed path (such as "acme.io/foo")' }];
  return [
    ...dns1123Subdomain(host).map((message) => ({ part: host, message })),
    ...(patterns.httpPath.test(path) ? [] : [{ part: path, message: regexMessage('Invalid path', httpPath) }]),
  ];
}

/** A DNS subdomain whose labels may hold underscores (resolver search paths). */
export function dns1123SubdomainWithUnderscore(value: string): string[] {
  const messages = tooLong(value, 253);
  if (patterns.underscoreSubdomain.test(value)) return messages;
  return [
    ...messages,
    regexMessage(
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
      underscoreSubdomain,
      'example.com',
    ),
  ];
}

/** A DNS label as RFC 1035 has it: starts with a letter. */
export function dns1035Label(value: string): string[] {
  const messages = tooLong(value, 63);
  if (patterns.dns1035.test(value)) return messages;
  return [
    ...messages,
    regexMessage(
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
      dns1035,
      'my-name',
      'abc-123',
    ),
  ];
}

const keyText =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

const keyPattern = regexMessage(keyText, labelKey, 'MyName', 'my.name', '123-abc');

/** A qualified name (label key): an optional DNS subdomain and '/', then a name of 63 bytes. */
export function qualifiedName(value: string): string[] {
  // Most have no prefix.
  if (value.length <= 63 && patterns.labelKey.test(value)) return [];
  const parts = value.split('/');
  if (parts.length > 2) {
    return [
      `a valid label key ${keyPattern} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const messages: string[] = [];
  const name = parts[parts.length - 1] ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  if (prefix === '') messages.push(`prefix part ${emptyMessage}`);
  else if (prefix !== undefined) {
    const long = byteLength(prefix) > 253 ? [maxBytesMessage(253)] : [];
    const wrong = dns1123Subdomain(prefix).filter((message) => message !== maxLengthMessage(253));
    messages.push(...[...long, ...wrong].map((message) => `prefix part ${message}`));
  }
  if (name === '') messages.push(`name part ${emptyMessage}`);
  else if (byteLength(name) > 63) messages.push(`name part ${maxBytesMessage(63)}`);
  if (!patterns.labelKey.test(name)) messages.push(`name part ${keyPattern}`);
  return messages;
}

/** A label's value: empty, or 63 bytes of letters, digits, '-', '_' and '.'. */
export function labelValueMessages(value: string): string[] {
  const messages = byteLength(value) > 63 ? [maxBytesMessage(63)] : [];
  if (patterns.labelValue.test(value)) return messages;
  return [
    ...messages,
    regexMessage(
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
      labelValue,
      'MyValue',
      'my_value',
      '12345',
    ),
  ];
}

export function cIdentifierMessages(value: string): string[] {
  if (patterns.cIdentifier.test(value)) return [];
  return [
    regexMessage(
      "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
      cIdentifier,
      'my_name',
      'MY_NAME',
      'MyName',
    ),
  ];
}

/** An environment variable's name, by the relaxed rule that v1.36 uses: printable ASCII but '='. */
export function envVarName(value: string): string[] {
  if (value === '') return [`environment variable name ${emptyMessage}`];
  if (/^[ -<>-~]*$/.test(value)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

function parentFolder(value: string): string[] {
  if (value === '.') return ["must not be '.'"];
  if (value === '..') return ["must not be '..'"];
  return value.startsWith('..') ? ["must not start with '..'"] : [];
}

/** A key of a ConfigMap's or Secret's data. */
export function configMapKey(value: string): string[] {
  const messages = tooLong(value, 253);
  if (!patterns.configKey.test(value)) {
    messages.push(
      regexMessage(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        configKey,
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  }
  return [...messages, ...parentFolder(value)];
}

export const portNumber = (port: number): string[] => (port >= 1 && port <= 65_535 ? [] : [rangeMessage(1, 65_535)]);

/** A port's name (IANA service name, lower case): 15 characters with at least one letter. */
export function portName(value: string): string[] {
  const messages = tooLong(value, 15);
  if (!/^[-a-z0-9]+$/.test(value)) {
    messages.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(value)) messages.push('must contain at least one letter (a-z)');
  if (value.includes('--')) messages.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) messages.push('must not begin or end with a hyphen');
  return messages;
}

const mostId = 2 ** 31 - 1;

/** A user or group id: 0 to 2^31 - 1, though Linux knows more. */
export const userOrGroupId = (id: number): string[] => (id >= 0 && id <= mostId ? [] : [rangeMessage(0, mostId)]);

export function httpHeaderName(value: string): string[] {
  if (patterns.httpHeader.test(value)) return [];
  return [
    regexMessage("a valid HTTP header must consist of alphanumeric characters or '-'", httpHeader, 'X-Header-Name'),
  ];
}

/** What may stand in a URL's path segment: no '/', no '%', not '.' or '..'. */
export function pathSegmentName(name: string, prefix = false): string[] {
  if (!prefix && (name === '.' || name === '..')) return [`may not be '${name}'`];
  return ['/', '%'].filter((c) => name.includes(c)).map((c) => `may not contain '${c}'`);
}

// Upstream's own trick: a trailing dash of a prefix, with the character before it, counts as one letter.
const masked = (name: string, prefix: boolean): string =>
  prefix && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;

/** Object names that are DNS subdomains: most kinds. */
export const nameIsSubdomain: NameCheck = (name, prefix) => dns1123Subdomain(masked(name, prefix));
/** Object names that are DNS labels: Namespace. */
export const nameIsLabel: NameCheck = (name, prefix) => dns1123Label(masked(name, prefix));
/** Object names that are RFC 1035 labels: Service. */
export const nameIs1035Label: NameCheck = (name, prefix) => dns1035Label(masked(name, prefix));
