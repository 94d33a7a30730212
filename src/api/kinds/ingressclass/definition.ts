// The IngressClass kind. Follows pkg/registry/networking/ingressclass and pkg/apis/networking of v1.36.

import type { IngressClass, IngressClassParametersReference } from '../../generated/types.ts';
import {
  type FieldError,
  FieldPath,
  forbiddenField,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../../meta/errors.ts';
import { byteLength } from '../../meta/go-format.ts';
import { domainPrefixedPathMessages, nameIsLabel } from '../../meta/names.ts';
import { immutableField, invalidEach } from '../../meta/validate-meta.ts';
import type { KindDefinition, Strategy } from '../../scheme.ts';
import { ageColumn, allVerbs, countSpecChange, nameColumn, simpleStrategy, textColumn } from '../common.ts';
import { validateLocalReference } from '../ingress/validate.ts';

/** Whether ingresses without a class get this one. */
export const isDefaultClass = ({ metadata }: IngressClass): boolean =>
  metadata?.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true';

const specPath = new FieldPath('spec');
const controllerPath = specPath.child('controller');
const maxControllerBytes = 250;

function validateController(controller: string): FieldError[] {
  if (controller === '') return [required(controllerPath)];
  return [
    ...(byteLength(controller) > maxControllerBytes ? [tooLong(controllerPath, maxControllerBytes)] : []),
    ...domainPrefixedPathMessages(controller).map(({ part, message }) => invalid(controllerPath, part, message)),
  ];
}

function validateParameters(parameters: IngressClassParametersReference): FieldError[] {
  const at = specPath.child('parameters');
  const errors = validateLocalReference(at, parameters);
  const { scope, namespace } = parameters;
  const where = at.child('namespace');
  if (scope === undefined) return [...errors, required(at.child('scope'))];
  if (scope === 'Namespace')
    return namespace === undefined
      ? [...errors, required(where, "`parameters.scope` is set to 'Namespace'")]
      : [...errors, ...invalidEach(where, namespace, nameIsLabel(namespace, false))];
  if (scope !== 'Cluster') return [...errors, notSupported(at.child('scope'), scope, ['Cluster', 'Namespace'])];
  return namespace === undefined
    ? errors
    : [...errors, forbiddenField(where, "`parameters.scope` is set to 'Cluster'")];
}

const strategy: Strategy<IngressClass> = {
  ...simpleStrategy<IngressClass>({
    namespaced: false,
    check: ({ spec }) => [
      ...validateController(spec?.controller ?? ''),
      ...(spec?.parameters ? validateParameters(spec.parameters) : []),
    ],
    checkUpdate: ({ spec }, old) => immutableField(controllerPath, spec?.controller ?? '', old.spec?.controller),
  }),
  prepareForUpdate: countSpecChange,
};

function parametersText({ spec }: IngressClass): string {
  if (!spec?.parameters) return '<none>';
  const { kind, apiGroup, name } = spec.parameters;
  return `${kind}${apiGroup ? `.${apiGroup}` : ''}/${name}`;
}

export const ingressClassKind: KindDefinition<IngressClass> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  resource: 'ingressclasses',
  singular: 'ingressclass',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.networking.v1.IngressClass',
  hasGeneration: true,
  defaults({ spec }) {
    if (spec?.parameters) spec.parameters.scope ??= 'Cluster';
  },
  strategy,
  columns: [
    {
      ...nameColumn,
      cell: (object) => `${object.metadata?.name ?? ''}${isDefaultClass(object) ? ' (default)' : ''}`,
    },
    textColumn<IngressClass>('Controller', 'Who serves ingresses of this class.', ({ spec }) => spec?.controller ?? ''),
    textColumn<IngressClass>('Parameters', 'The object that configures the controller.', parametersText),
    ageColumn,
  ],
};
