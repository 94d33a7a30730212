// Which code answers which subresource, and where upgrades go.

import type { Pod } from '../../api/generated/types.ts';
import { methodNotAllowed, serviceUnavailable } from '../../api/meta/errors.ts';
import type { Transport } from '../../api/transport.ts';
import type { Random } from '../../lib/random.ts';
import type { ObjectLookup } from '../admission/object-lookup.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import { authorize } from '../authz/decided.ts';
import type { UpgradeDeps, UpgradeTarget } from '../http/upgrade.ts';
import type { RegistryDeps } from '../registry/commit.ts';
import type { ApiRequest } from '../request.ts';
import { type RequestInfo, requestInfo } from '../request-info.ts';
import type { ResourceInfo, ResourceTable } from '../resources.ts';
import type { ServiceAccountTokens } from '../tokens/service-account-tokens.ts';
import type { CustomSubresource, VirtualResource } from '../virtual.ts';
import { getObject } from '../registry/list.ts';
import { admitConnection } from './connect-admission.ts';
import { bindingHandler } from './binding.ts';
import { evictionHandler } from './eviction/handler.ts';
import { type KubeletConnector, noKubelets } from './kubelet-connector.ts';
import { type KubeletProxyDeps, nodeProxy, podLog, upgradeRequired } from './kubelet-proxy.ts';
import { kubeletTarget } from './node-location.ts';
import { portForwardPath, streamOptions, streamPath } from './pod-location.ts';
import { type PodDialer, podTarget, proxyTo, serviceTarget } from './pod-proxy.ts';
import { proxyPath } from './proxy-path.ts';

export interface SubresourceDeps {
  registry: RegistryDeps;
  resources: ResourceTable;
  tokens: ServiceAccountTokens;
  authorizer: Authorizer;
  connector: KubeletConnector | undefined;
  dialPod: PodDialer | undefined;
  objects: ObjectLookup;
  random: Random;
  /** Acts as the API server itself. */
  transport: () => Transport;
  /** Aborts when the server closes. */
  closing: AbortSignal;
}

export interface Subresources {
  /** By `group/resource/subresource`. */
  custom: ReadonlyMap<string, CustomSubresource>;
  virtual: readonly VirtualResource[];
  locate: UpgradeDeps['locate'];
}

/** Subresources with code of their own. Without pods among the kinds there are none. */
export function installSubresources(deps: SubresourceDeps): Subresources {
  const { registry, resources, connector = noKubelets } = deps;
  const custom = new Map<string, CustomSubresource>();
  custom.set('/serviceaccounts/token', { handle: async (request, info) => deps.tokens.request(request, info) });
  const pods = resources.find('', 'v1', 'pods');
  const nodes = resources.find('', 'v1', 'nodes');
  if (pods === undefined || nodes === undefined)
    return {
      custom,
      virtual: [],
      locate: () => Promise.reject(methodNotAllowed({ group: '', resource: 'pods' }, 'upgrade')),
    };
  const bind = bindingHandler(registry, pods);
  custom.set('/pods/binding', { handle: bind });
  custom.set('/pods/eviction', { handle: evictionHandler(deps, pods) });
  const proxied: KubeletProxyDeps = { registry, pods, nodes, connector };
  const dialer = (): PodDialer => {
    if (deps.dialPod === undefined) throw serviceUnavailable('this API server has no way to pods');
    return deps.dialPod;
  };
  /** Lets a proxied request through; gives what admission warned of. */
  const admit = async (resource: ResourceInfo, request: ApiRequest, info: RequestInfo): Promise<string[]> => {
    const warnings: string[] = [];
    await admitConnection(registry, resource, info, request.query, { user: request.user, request, warnings });
    return warnings;
  };
  custom.set('/pods/log', { handle: async (request, info) => podLog(proxied, request, info) });
  custom.set('/nodes/proxy', {
    async handle(request, info) {
      const warnings = await admit(nodes, request, info);
      return { ...(await nodeProxy(proxied, request, info)), warnings };
    },
  });
  custom.set('/pods/proxy', {
    async handle(request, info) {
      const warnings = await admit(pods, request, info);
      return { ...(await proxyTo(await podTarget(registry, pods, info), dialer(), request, info)), warnings };
    },
  });
  const services = resources.find('', 'v1', 'services');
  if (services !== undefined)
    custom.set('/services/proxy', {
      async handle(request, info) {
        const warnings = await admit(services, request, info);
        const target = await serviceTarget(deps.objects, deps.random, info);
        return { ...(await proxyTo(target, dialer(), request, info)), warnings };
      },
    });
  for (const name of ['exec', 'attach', 'portforward'])
    custom.set(`/pods/${name}`, {
      handle: async (_request, { namespace, name: pod }) => {
        await getObject(registry, pods, namespace, pod);
        return upgradeRequired();
      },
    });
  const virtual: VirtualResource[] = [
    {
      group: '',
      version: 'v1',
      kind: 'Binding',
      resource: 'bindings',
      singular: 'binding',
      namespaced: true,
      verbs: ['create'],
      create: bind,
    },
  ];
  const locate = async (
    method: string,
    path: string,
    query: URLSearchParams,
    user: Parameters<UpgradeDeps['locate']>[3],
    warnings: string[],
  ): Promise<UpgradeTarget> => {
    const info = requestInfo(method, path, query);
    const requireVerb = (verb: string): Promise<void> =>
      authorize(deps.authorizer, () => registry.feed.caughtUp(), user, { ...info, verb });
    await requireVerb(info.verb);
    const admitted = (resource: ResourceInfo): Promise<URLSearchParams> => {
      const request = { annotations: new Map<string, string>(), signal: () => deps.closing };
      return admitConnection(registry, resource, info, query, { user, request, warnings });
    };
    const isCore = info.isResource && info.group === '' && info.name !== '';
    const known = isCore && info.resource === 'pods';
    const isService = isCore && info.resource === 'services' && services !== undefined;
    if ((known || isService) && info.subresource === 'proxy') {
      await admitted(isService ? services : pods);
      const search = query.size === 0 ? '' : `?${query.toString()}`;
      return {
        pod: isService ? await serviceTarget(deps.objects, deps.random, info) : await podTarget(registry, pods, info),
        dialer: dialer(),
        path: `${proxyPath(path, info.rest) || '/'}${search}`,
      };
    }
    if (!known || (info.verb !== 'get' && info.verb !== 'create'))
      throw methodNotAllowed({ group: info.group, resource: info.resource }, 'upgrade');
    // A WebSocket comes by GET, and acts in the pod all the same (rest/subresources.go, ensureAuthorizedForVerb).
    await requireVerb('create');
    const asked = await admitted(pods);
    const pod: Pod = (await getObject(registry, pods, info.namespace, info.name)).object();
    const kubeletPath = upgradePath(pod, info.subresource, asked);
    return {
      kubelet: await kubeletTarget(registry, nodes, pod.spec?.nodeName ?? ''),
      path: kubeletPath,
      command: info.subresource === 'portforward' ? undefined : streamOptions(asked),
    };
  };
  return { custom, virtual, locate };
}

function upgradePath(pod: Pod, subresource: string, query: URLSearchParams): string {
  switch (subresource) {
    case 'exec':
    case 'attach':
      return streamPath(pod, subresource, query);
    case 'portforward':
      return portForwardPath(pod, query);
    default:
      throw methodNotAllowed({ group: '', resource: `pods/${subresource}` }, 'upgrade');
  }
}
