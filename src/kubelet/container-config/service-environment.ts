// The environment variables by which a container finds services: NAME_SERVICE_HOST and the links that Docker once made.
// Follows getServiceEnvVarMap in pkg/kubelet/kubelet_pods.go and pkg/kubelet/envvars/envvars.go of v1.36.

import type { Service } from '../../api/generated/types.ts';

const upper = (name: string): string => name.toUpperCase().replaceAll('-', '_');
const hostPort = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

function linkVariables(service: Service, ip: string): [string, string][] {
  const prefix = upper(service.metadata?.name ?? '');
  return (service.spec?.ports ?? []).flatMap((port, i) => {
    const protocol = port.protocol ?? 'TCP';
    const url = `${protocol.toLowerCase()}://${hostPort(ip, port.port)}`;
    const link = `${prefix}_PORT_${port.port}_${protocol.toUpperCase()}`;
    const variables: [string, string][] = i === 0 ? [[`${prefix}_PORT`, url]] : [];
    variables.push(
      [link, url],
      [`${link}_PROTO`, protocol.toLowerCase()],
      [`${link}_PORT`, String(port.port)],
      [`${link}_ADDR`, ip],
    );
    return variables;
  });
}

function variablesOf(service: Service, ip: string): [string, string][] {
  const prefix = upper(service.metadata?.name ?? '');
  const ports = service.spec?.ports ?? [];
  const variables: [string, string][] = [
    [`${prefix}_SERVICE_HOST`, ip],
    [`${prefix}_SERVICE_PORT`, String(ports[0]?.port ?? 0)],
  ];
  for (const port of ports) {
    if (port.name) variables.push([`${prefix}_SERVICE_PORT_${upper(port.name)}`, String(port.port)]);
  }
  return [...variables, ...linkVariables(service, ip)];
}

/**
 * Variables of the services that a pod of the namespace sees: `kubernetes` of the namespace default always, the namespace's
 * own only with `enableServiceLinks`. Services without a cluster IP have none.
 */
export function serviceEnvironment(
  services: Iterable<Service>,
  namespace: string,
  enableServiceLinks: boolean,
): Map<string, string> {
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const { name = '', namespace: own = '' } = service.metadata ?? {};
    const ip = service.spec?.clusterIP;
    if (!ip || ip === 'None') continue;
    if (own === 'default' && name === 'kubernetes') {
      if (!chosen.has(name)) chosen.set(name, service);
    } else if (own === namespace && enableServiceLinks) chosen.set(name, service);
  }
  return new Map([...chosen.values()].flatMap((service) => variablesOf(service, service.spec?.clusterIP ?? '')));
}
