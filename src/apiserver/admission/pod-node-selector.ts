// The plugin PodNodeSelector: pods get the node selector of their namespace, and only labels that the namespace may ask for.
// Follows plugin/pkg/admission/podnodeselector/admission.go of v1.36.

import type { Namespace, Pod } from '../../api/generated/types.ts';
import { notFound } from '../../api/meta/errors.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isWriteOf, refuse } from './admission.ts';
import type { LookupKind, ObjectLookup } from './object-lookup.ts';

const namespaces: LookupKind<Namespace> = { group: '', resource: 'namespaces' };
const annotation = 'scheduler.alpha.kubernetes.io/node-selector';
const byDefault = 'clusterDefaultNodeSelector';

type Labels = Readonly<Record<string, string>>;

/** `a=b,c=d`, as labels. Throws an Error on what is no label. */
export function selectorLabels(text: string): Labels {
  const labels: Record<string, string> = {};
  for (const part of text.split(',').map((one) => one.trim())) {
    if (part === '') continue;
    const [key = '', value, ...more] = part.split('=').map((one) => one.trim());
    if (key === '' || value === undefined || more.length > 0) throw new Error(`invalid selector: [${part}]`);
    labels[key] = value;
  }
  return labels;
}

const conflict = (a: Labels, b: Labels): boolean =>
  Object.entries(a).some(([key, value]) => b[key] !== undefined && b[key] !== value);
const isWithin = (part: Labels, whole: Labels): boolean =>
  Object.keys(whole).length === 0 || Object.entries(part).every(([key, value]) => whole[key] === value);

/** `selectors` is the plugin's configuration: by namespace what its pods may ask for, and the default of all namespaces. */
export function podNodeSelector(objects: ObjectLookup, selectors: Labels = {}): AdmissionPlugin {
  const ofNamespace = async (name: string): Promise<Labels> => {
    const namespace = await objects.get(namespaces, '', name);
    if (namespace === undefined) throw notFound({ group: '', resource: 'namespaces' }, name);
    return selectorLabels(namespace.metadata?.annotations?.[annotation] ?? selectors[byDefault] ?? '');
  };
  const isNewPod = (at: AdmissionAttributes): boolean => at.operation === 'CREATE' && isWriteOf(at, '', 'pods');
  const agreed = async (at: AdmissionAttributes): Promise<Labels> => {
    const wanted = await ofNamespace(at.namespace);
    if (conflict(wanted, (at.object as Pod).spec?.nodeSelector ?? {}))
      throw refuse(at, 'pod node label selector conflicts with its namespace node label selector');
    return wanted;
  };
  return {
    name: 'PodNodeSelector',
    async mutate(at) {
      if (!isNewPod(at)) return;
      const wanted = await agreed(at);
      const { spec } = at.object as Pod;
      if (spec && Object.keys(wanted).length > 0) spec.nodeSelector = { ...wanted, ...spec.nodeSelector };
    },
    async validate(at) {
      if (!isNewPod(at)) return;
      await agreed(at);
      const allowed = selectorLabels(selectors[at.namespace] ?? '');
      if (!isWithin((at.object as Pod).spec?.nodeSelector ?? {}, allowed))
        throw refuse(at, 'pod node label selector labels conflict with its namespace whitelist');
    },
  };
}
