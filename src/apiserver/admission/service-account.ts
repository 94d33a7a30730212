// Gives every pod its service account: the default one where none is named, its token as a volume, its pull secrets.
// Follows plugin/pkg/admission/serviceaccount/admission.go of v1.36.

import type { Container, Pod, PodSpec, ServiceAccount, Volume, VolumeMount } from '../../api/generated/types.ts';
import { plainFailure } from '../../api/patch/patch-errors.ts';
import { isMirrorPod } from '../../api/pod/static-pod.ts';
import type { Random } from '../../lib/random.ts';
import { randomSuffix } from '../../lib/random.ts';
import { type Soon, whenThere } from '../../lib/soon.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isResource, refuse } from './admission.ts';

export interface ServiceAccountAdmissionDeps {
  /** The account as it is now, having waited for every acknowledged write. */
  find(namespace: string, name: string): Soon<ServiceAccount | undefined>;
  random: Random;
  /** Waits that long. */
  sleep(ms: number): Promise<void>;
}

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumePrefix = 'kube-api-access-';
const enforceAnnotation = 'kubernetes.io/enforce-mountable-secrets';
const defaultAccount = 'default';
/** Upstream's kubelets know tokens of pods by this odd hour. */
const tokenSeconds = 3607;
/** A new namespace has its default account within milliseconds: that is waited for. */
const waitMs = 25;
const waits = 60;

function accountOf(
  deps: ServiceAccountAdmissionDeps,
  at: AdmissionAttributes,
  name: string,
  attempt = 0,
): Soon<ServiceAccount> {
  const { namespace } = at;
  return whenThere(deps.find(namespace, name), (account) => {
    if (account !== undefined) return account;
    if (name !== defaultAccount || attempt >= waits)
      throw refuse(
        at,
        `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`,
      );
    return deps.sleep(waitMs).then(() => accountOf(deps, at, name, attempt + 1));
  });
}

/** What every container of the pod finds under /var/run/secrets/kubernetes.io/serviceaccount. */
const tokenVolume = (name: string): Volume => ({
  name,
  projected: {
    sources: [
      { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
    defaultMode: 0o644,
  },
});

/** Mounts the token where a container has nothing at its place. Changes the spec. */
export function mountToken(spec: PodSpec, random: Random): void {
  const known = spec.volumes?.find(({ name }) => name.startsWith(volumePrefix));
  const taken = new Set(spec.volumes?.map(({ name }) => name));
  let name = known?.name;
  while (name === undefined || (known === undefined && taken.has(name))) name = volumePrefix + randomSuffix(random);
  const mount: VolumeMount = { name, readOnly: true, mountPath };
  let needed = false;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    if (container.volumeMounts?.some((own) => own.mountPath === mountPath)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { ...mount }];
    needed = true;
  }
  if (needed && known === undefined) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

function refuseMirror(at: AdmissionAttributes, spec: PodSpec): void {
  if (spec.serviceAccountName) throw refuse(at, 'a mirror pod may not reference service accounts');
  for (const { secret, projected } of spec.volumes ?? []) {
    if (secret !== undefined) throw refuse(at, 'a mirror pod may not reference secrets');
    for (const source of projected?.sources ?? []) {
      if (source.secret !== undefined) throw refuse(at, 'a mirror pod may not reference secrets');
      if (source.serviceAccountToken !== undefined)
        throw refuse(at, 'a mirror pod may not reference service account tokens');
    }
  }
}

/** The secrets that a container takes its environment from, each as upstream's message begins. */
function* secretsOf(kind: string, container: Pick<Container, 'name' | 'env' | 'envFrom'>): Generator<[string, string]> {
  for (const { name, valueFrom } of container.env ?? [])
    if (valueFrom?.secretKeyRef !== undefined)
      yield [`${kind} ${container.name} with envVar ${name}`, valueFrom.secretKeyRef.name ?? ''];
  for (const { secretRef } of container.envFrom ?? [])
    if (secretRef !== undefined) yield [`${kind} ${container.name} with envFrom`, secretRef.name ?? ''];
}

const notOwn = ({ metadata }: ServiceAccount): string =>
  `is not allowed because service account ${metadata?.name ?? ''} does not reference that`;

type NamedContainers = readonly Pick<Container, 'name' | 'env' | 'envFrom'>[] | undefined;

/** Why the environment of these containers may not be: it may come from the account's own secrets only. */
function foreignSecret(
  account: ServiceAccount,
  kinds: readonly (readonly [kind: string, containers: NamedContainers])[],
): string | undefined {
  const mountable = new Set(account.secrets?.map(({ name }) => name));
  for (const [kind, containers] of kinds)
    for (const container of containers ?? [])
      for (const [start, name] of secretsOf(kind, container))
        if (!mountable.has(name)) return `${start} referencing secret.secretName="${name}" ${notOwn(account)} secret`;
  return undefined;
}

/** Where the account says so, its pods may use its own secrets only. */
function limitSecrets(at: AdmissionAttributes, spec: PodSpec, account: ServiceAccount): void {
  const mountable = new Set(account.secrets?.map(({ name }) => name));
  const own = notOwn(account);
  for (const { secret } of spec.volumes ?? [])
    if (secret !== undefined && !mountable.has(secret.secretName ?? ''))
      throw refuse(at, `volume with secret.secretName="${secret.secretName ?? ''}" ${own} secret`);
  const foreign = foreignSecret(account, [
    ['init container', spec.initContainers],
    ['container', spec.containers],
  ]);
  if (foreign !== undefined) throw refuse(at, foreign);
  const pullable = new Set(account.imagePullSecrets?.map(({ name }) => name));
  for (const [i, { name = '' }] of (spec.imagePullSecrets ?? []).entries())
    if (!pullable.has(name)) throw refuse(at, `imagePullSecrets[${i}].name="${name}" ${own} imagePullSecret`);
}

const isTrue = (text: string | undefined): boolean => /^(1|t|T|TRUE|true|True)$/.test(text ?? '');

export function serviceAccountAdmission(deps: ServiceAccountAdmissionDeps): AdmissionPlugin {
  /** The pod, where the write is this one. */
  const podOf = (at: AdmissionAttributes, operation = 'CREATE', subresource = ''): Pod | undefined => {
    const isPod = at.resource.kind.group === '' && at.resource.kind.resource === 'pods';
    const isIt = isPod && at.subresource === subresource && at.operation === operation;
    return isIt ? (at.object as Pod | undefined) : undefined;
  };
  const isLimited = ({ metadata }: ServiceAccount): boolean => isTrue(metadata?.annotations?.[enforceAnnotation]);
  return {
    name: 'ServiceAccount',
    concerns: (at) =>
      isResource(at, '', 'pods') && (at.operation === 'CREATE' || at.subresource === 'ephemeralcontainers'),
    mutate(at) {
      const pod = podOf(at);
      if (pod?.spec === undefined || isMirrorPod(pod)) return;
      const { spec } = pod;
      spec.serviceAccountName ||= defaultAccount;
      spec.serviceAccount = spec.serviceAccountName;
      return whenThere(accountOf(deps, at, spec.serviceAccountName), (account) => {
        if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true)
          mountToken(spec, deps.random);
        if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
          spec.imagePullSecrets = account.imagePullSecrets.map((secret) => ({ ...secret }));
      });
    },
    validate(at) {
      const debugged = podOf(at, 'UPDATE', 'ephemeralcontainers')?.spec;
      if (debugged !== undefined)
        return whenThere(accountOf(deps, at, debugged.serviceAccountName ?? ''), (account) => {
          const why = isLimited(account)
            ? foreignSecret(account, [['ephemeral container', debugged.ephemeralContainers]])
            : undefined;
          // Upstream's is an untyped error here.
          if (why !== undefined) throw plainFailure(why);
        });
      const pod = podOf(at);
      if (pod?.spec === undefined) return;
      const { spec } = pod;
      if (isMirrorPod(pod)) return refuseMirror(at, spec);
      return whenThere(accountOf(deps, at, spec.serviceAccountName ?? ''), (account) => {
        if (isLimited(account)) limitSecrets(at, spec, account);
      });
    },
  };
}
