// Asks from within an expression whether a user may do something. Follows apiserver pkg/cel/library/authz.go of v1.36.

import { nameIsLabel, nameIsSubdomain } from '../../meta/names.ts';
import { define, type FunctionDeclaration, member } from '../environment.ts';
import * as types from '../types.ts';
import { CelError, Opaque, type Value } from '../values.ts';

/** What is asked about; the path alone, or the rest. */
export interface AccessQuestion {
  verb: string;
  path: string;
  group: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  /** As written; empty for none. */
  fieldSelector: string;
  labelSelector: string;
}

export interface AccessAnswer {
  allowed: boolean;
  reason: string;
  /** Empty where it could be answered. */
  error: string;
}

/** Who is asked about. */
export interface AccessUser {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Answers by what holds now. */
export type AccessCheck = (user: AccessUser, question: AccessQuestion) => AccessAnswer;

/** The same where somebody else may have to be asked first. Never rejects. */
export type LateAccessCheck = (user: AccessUser, question: AccessQuestion) => AccessAnswer | Promise<AccessAnswer>;

export const authorizerType = types.opaque('kubernetes.authorization.Authorizer');
export const resourceCheckType = types.opaque('kubernetes.authorization.ResourceCheck');
const pathCheckType = types.opaque('kubernetes.authorization.PathCheck');
const groupCheckType = types.opaque('kubernetes.authorization.GroupCheck');
const decisionType = types.opaque('kubernetes.authorization.Decision');
const { bool, string } = types;

/** Any of the steps from the authorizer to a question. */
class Asking extends Opaque {
  readonly type: types.CelType;
  readonly check: AccessCheck;
  readonly user: AccessUser;
  readonly question: AccessQuestion;

  constructor(type: types.CelType, check: AccessCheck, user: AccessUser, question: AccessQuestion) {
    super();
    this.type = type;
    this.check = check;
    this.user = user;
    this.question = question;
  }

  with(type: types.CelType, more: Partial<AccessQuestion>): Asking {
    return new Asking(type, this.check, this.user, { ...this.question, ...more });
  }

  equals(other: Value): boolean {
    return other === this;
  }
}

class Decision extends Opaque {
  readonly type = decisionType;
  readonly answer: AccessAnswer;

  constructor(answer: AccessAnswer) {
    super();
    this.answer = answer;
  }

  equals(other: Value): boolean {
    return other === this;
  }
}

const nothing: AccessQuestion = {
  verb: '',
  path: '',
  group: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
  fieldSelector: '',
  labelSelector: '',
};

/** The variable `authorizer`. */
export const authorizerValue = (check: AccessCheck, user: AccessUser): Value =>
  new Asking(authorizerType, check, user, nothing);

/** The variable `authorizer.requestResource`. */
export const requestResourceValue = (check: AccessCheck, user: AccessUser, about: Partial<AccessQuestion>): Value =>
  new Asking(resourceCheckType, check, user, { ...nothing, ...about });

function serviceAccount(asking: Asking, namespace: string, name: string): Value {
  if (nameIsSubdomain(name, false).length > 0) return new CelError('Invalid service account name');
  if (nameIsLabel(namespace, false).length > 0) return new CelError('Invalid service account namespace');
  const user = {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  };
  return new Asking(authorizerType, asking.check, user, nothing);
}

const ask = ({ check, user, question }: Asking, verb: string): Value =>
  new Decision(check(user, { ...question, verb }));

/** A step that narrows down what is asked about. */
const narrow = (field: keyof AccessQuestion, id: string): FunctionDeclaration =>
  define(
    field,
    member(id, [resourceCheckType, string], resourceCheckType, (asking: Asking, value: string) =>
      asking.with(resourceCheckType, { [field]: value }),
    ),
  );

const tell = (name: string, type: types.CelType, of: (answer: AccessAnswer) => Value): FunctionDeclaration =>
  define(
    name,
    member(`decision_${name}`, [decisionType], type, ({ answer }: Decision) => of(answer)),
  );

export const authorizerFunctions: readonly FunctionDeclaration[] = [
  define(
    'path',
    member('authorizer_path', [authorizerType, string], pathCheckType, (asking: Asking, path: string) =>
      path.trim() === '' ? new CelError('path must not be empty') : asking.with(pathCheckType, { path }),
    ),
  ),
  define(
    'group',
    member('authorizer_group', [authorizerType, string], groupCheckType, (asking: Asking, group: string) =>
      asking.with(groupCheckType, { group }),
    ),
  ),
  define(
    'serviceAccount',
    member('authorizer_serviceaccount', [authorizerType, string, string], authorizerType, serviceAccount),
  ),
  define(
    'resource',
    member('groupcheck_resource', [groupCheckType, string], resourceCheckType, (asking: Asking, resource: string) =>
      resource.trim() === ''
        ? new CelError('resource must not be empty')
        : asking.with(resourceCheckType, { resource }),
    ),
  ),
  narrow('subresource', 'resourcecheck_subresource'),
  narrow('namespace', 'resourcecheck_namespace'),
  narrow('name', 'resourcecheck_name'),
  narrow('fieldSelector', 'authorizer_fieldselector'),
  narrow('labelSelector', 'authorizer_labelselector'),
  define(
    'check',
    member('pathcheck_check', [pathCheckType, string], decisionType, ask),
    member('resourcecheck_check', [resourceCheckType, string], decisionType, ask),
  ),
  tell('errored', bool, ({ error }) => error !== ''),
  tell('error', string, ({ error }) => error),
  tell('allowed', bool, ({ allowed }) => allowed),
  tell('reason', string, ({ reason }) => reason),
];
