// Reads what an AuthenticationConfiguration says of claims: how they make a user, and what must hold for them and for the user.
// Follows apiserver pkg/apis/apiserver/validation/validation.go of v1.36, whose messages these are.

import { duplicate, type FieldError, FieldPath, invalid, required } from '../api/meta/errors.ts';
import { domainPrefixedPathMessages } from '../api/meta/names.ts';
import type { claimsCel, CompiledClaims, Expression, Rule } from '../apiserver/authn/claim-expressions.ts';
import type { ClaimMappings, NamedClaim } from '../apiserver/authn/claims.ts';
import { type Fields, fieldsOf, listOf, textOf } from './config-fields.ts';

/** The CEL of claims, which is loaded only for files that name providers. */
export type ClaimsCel = typeof claimsCel;

/** What reading one provider gathers. */
interface Reading {
  cel: ClaimsCel;
  errors: FieldError[];
  /** Of username, extra and rules, for what email addresses need. */
  verifying: Expression[];
}

type Compile = (cel: ClaimsCel, source: string) => CompiledClaims;

function compiled({ cel, errors }: Reading, compile: Compile, source: string, path: FieldPath): Expression | undefined {
  const result = compile(cel, source);
  if ('expression' in result) return result.expression;
  errors.push(invalid(path, source, result.error));
  return undefined;
}

const mapping: Compile = (cel, source) => cel.compileMapping(source);
const texts = (fields: Fields, path: FieldPath, ...names: string[]): string[] =>
  names.map((name) => textOf(fields[name], path.child(name).text) ?? '');

/** A named claim, an expression, or neither. */
function claimOrExpression(
  reading: Reading,
  value: unknown,
  path: FieldPath,
  isRequired: boolean,
): NamedClaim | Expression | undefined {
  const { errors } = reading;
  const fields = fieldsOf(value, path.text, ['claim', 'prefix', 'expression']);
  const [claim = '', expression = ''] = texts(fields, path, 'claim', 'expression');
  const prefix = textOf(fields['prefix'], path.child('prefix').text);
  if (claim !== '' && expression !== '') errors.push(invalid(path, '', "claim and expression can't both be set"));
  else if (expression !== '') {
    if (prefix !== undefined)
      errors.push(invalid(path.child('prefix'), prefix, 'may not be specified when expression is set'));
    return compiled(reading, mapping, expression, path.child('expression'));
  } else if (claim === '') {
    if (isRequired) errors.push(required(path, 'claim or expression is required'));
  } else if (prefix === undefined)
    errors.push(
      required(
        path.child('prefix'),
        'prefix is required when claim is set. It can be set to an empty string to disable prefixing',
      ),
    );
  else return { claim, prefix };
  return undefined;
}

const isExpression = (one: NamedClaim | Expression): one is Expression => 'program' in one;

function usernameOf(reading: Reading, value: unknown, path: FieldPath): ClaimMappings['username'] {
  const { cel, errors, verifying } = reading;
  const found = claimOrExpression(reading, value, path, true);
  // There is an error then, and nobody is known by a configuration with errors.
  if (found === undefined) return { claim: '', prefix: '' };
  if (!isExpression(found)) return found;
  const isVerified = [found, ...verifying].some((one) => cel.usesClaim(one, 'email_verified'));
  if (cel.usesClaim(found, 'email') && !isVerified)
    errors.push(
      invalid(
        path.child('expression'),
        found.text,
        'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression',
      ),
    );
  return cel.usernameBy(found);
}

function groupsOf(reading: Reading, value: unknown, path: FieldPath): Pick<ClaimMappings, 'groups'> {
  const found = claimOrExpression(reading, value, path, false);
  if (found === undefined) return {};
  return { groups: isExpression(found) ? reading.cel.groupsBy(found) : found };
}

function uidOf(reading: Reading, value: unknown, path: FieldPath): Pick<ClaimMappings, 'uid'> {
  const [claim = '', source = ''] = texts(
    fieldsOf(value, path.text, ['claim', 'expression']),
    path,
    'claim',
    'expression',
  );
  if (claim !== '' && source !== '') reading.errors.push(invalid(path, '', "claim and expression can't both be set"));
  else if (claim !== '') return { uid: { claim } };
  else if (source !== '') {
    const expression = compiled(reading, mapping, source, path.child('expression'));
    if (expression !== undefined) return { uid: reading.cel.uidBy(expression) };
  }
  return {};
}

const reserved = /^(.*\.)?(kubernetes|k8s)\.io\//;

function checkExtraKey(key: string, path: FieldPath): FieldError[] {
  if (key === '') return [required(path)];
  return [
    ...domainPrefixedPathMessages(key).map(({ part, message }) => invalid(path, part, message)),
    ...(key === key.toLowerCase() ? [] : [invalid(path, key, 'must be lowercase')]),
    ...(reserved.test(key)
      ? [invalid(path, key, 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use')]
      : []),
  ];
}

function extraOf(reading: Reading, value: unknown, path: FieldPath): Pick<ClaimMappings, 'extra'> {
  const mappings: { key: string; expression: Expression }[] = [];
  const seen = new Set<string>();
  for (const [i, one] of listOf(value, path.text).entries()) {
    const at = path.index(i);
    const [key = '', source = ''] = texts(
      fieldsOf(one, at.text, ['key', 'valueExpression']),
      at,
      'key',
      'valueExpression',
    );
    reading.errors.push(...checkExtraKey(key, at.child('key')));
    if (seen.has(key)) reading.errors.push(duplicate(at.child('key'), key));
    else if (source === '') reading.errors.push(required(at.child('valueExpression')));
    else {
      const expression = compiled(reading, mapping, source, at.child('valueExpression'));
      if (expression !== undefined) mappings.push({ key, expression });
    }
    seen.add(key);
  }
  reading.verifying.push(...mappings.map(({ expression }) => expression));
  return mappings.length === 0 ? {} : { extra: reading.cel.extraBy(mappings) };
}

function claimRules(reading: Reading, value: unknown, path: FieldPath): Pick<ClaimMappings, 'required' | 'claimsHold'> {
  const { errors } = reading;
  const wanted = new Map<string, string>();
  const rules = new Map<string, Rule | undefined>();
  for (const [i, one] of listOf(value, path.text).entries()) {
    const at = path.index(i);
    const fields = fieldsOf(one, at.text, ['claim', 'requiredValue', 'expression', 'message']);
    const [claim = '', requiredValue = '', source = '', message = ''] = texts(
      fields,
      at,
      'claim',
      'requiredValue',
      'expression',
      'message',
    );
    if (claim !== '' && source !== '') errors.push(invalid(at, claim, "claim and expression can't both be set"));
    else if (claim === '' && source === '') errors.push(required(at, 'claim or expression is required'));
    else if (claim !== '') {
      if (message !== '') errors.push(invalid(at.child('message'), message, 'may not be specified when claim is set'));
      if (wanted.has(claim)) errors.push(duplicate(at.child('claim'), claim));
      wanted.set(claim, requiredValue);
    } else {
      if (requiredValue !== '')
        errors.push(invalid(at.child('requiredValue'), requiredValue, 'may not be specified when expression is set'));
      addRule(reading, rules, (cel, text) => cel.compileClaimRule(text), { source, message, at });
    }
  }
  const known = [...rules.values()].filter((rule) => rule !== undefined);
  reading.verifying.push(...known.map(({ expression }) => expression));
  return {
    required: Object.fromEntries(wanted),
    ...(known.length === 0 ? {} : { claimsHold: reading.cel.claimsHold(known) }),
  };
}

function addRule(
  reading: Reading,
  rules: Map<string, Rule | undefined>,
  compile: Compile,
  { source, message, at }: { source: string; message: string; at: FieldPath },
): void {
  const path = at.child('expression');
  if (rules.has(source)) {
    reading.errors.push(duplicate(path, source));
    return;
  }
  const expression = compiled(reading, compile, source, path);
  rules.set(source, expression && { expression, message });
}

function userRules(reading: Reading, value: unknown, path: FieldPath): Pick<ClaimMappings, 'userHolds'> {
  const rules = new Map<string, Rule | undefined>();
  for (const [i, one] of listOf(value, path.text).entries()) {
    const at = path.index(i);
    const [source = '', message = ''] = texts(
      fieldsOf(one, at.text, ['expression', 'message']),
      at,
      'expression',
      'message',
    );
    if (source === '') reading.errors.push(required(at.child('expression')));
    else addRule(reading, rules, (cel, text) => cel.compileUserRule(text), { source, message, at });
  }
  const known = [...rules.values()].filter((rule) => rule !== undefined);
  return known.length === 0 ? {} : { userHolds: reading.cel.userHolds(known) };
}

/** What one provider's fields say of claims. Errors of validation go into `errors`; throws an Error on fields that are none. */
export function readClaimMappings(jwt: Fields, path: FieldPath, cel: ClaimsCel, errors: FieldError[]): ClaimMappings {
  const reading: Reading = { cel, errors, verifying: [] };
  const at = path.child('claimMappings');
  const fields = fieldsOf(jwt['claimMappings'], at.text, ['username', 'groups', 'uid', 'extra']);
  const rules = claimRules(reading, jwt['claimValidationRules'], path.child('claimValidationRules'));
  const extra = extraOf(reading, fields['extra'], at.child('extra'));
  return {
    username: usernameOf(reading, fields['username'], at.child('username')),
    ...groupsOf(reading, fields['groups'], at.child('groups')),
    ...uidOf(reading, fields['uid'], at.child('uid')),
    ...extra,
    ...rules,
    ...userRules(reading, jwt['userValidationRules'], path.child('userValidationRules')),
  };
}
