// What an httpGet action of a probe or hook asks for: address, path and headers.
// Follows pkg/probe/util.go and pkg/probe/http/request.go of v1.36.

import type { Container, HTTPGetAction } from '../../api/generated/types.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import { type HttpTarget, joinHostPort } from '../../lib/dialer.ts';

type Header = readonly [name: string, value: string];

const wholeNumber = /^[+-]?\d+$/;

/** The number of a port that is given by number or by the name of one of the container's. Throws in upstream's words. */
export function resolvePort(port: number | string, container: Container): number {
  const named = (container.ports ?? []).find((p) => p.name === port)?.containerPort;
  if (typeof port === 'string' && named === undefined && !wholeNumber.test(port)) {
    throw new Error(`strconv.Atoi: parsing ${goQuote(port)}: invalid syntax`);
  }
  const number = named ?? Number(port);
  if (number > 0 && number < 65_536) return number;
  throw new Error(`invalid port number: ${number}`);
}

/** A header's name in the form in which Go sends it: x-api-key becomes X-Api-Key. */
export function canonicalHeader(name: string): string {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return name;
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

/** The headers of the action, with upstream's own where they are not given; one that is given empty is left out. */
function headersOf(action: HTTPGetAction, purpose: 'probe' | 'lifecycle', address: string): Header[] {
  const given = (action.httpHeaders ?? []).map(({ name, value }): Header => [canonicalHeader(name), value]);
  const first = (name: string): string | undefined => given.find((h) => h[0] === name)?.[1];
  const own: Header[] = [['Host', first('Host') || address]];
  const agent = first('User-Agent') ?? `kube-${purpose}/1.36`;
  if (agent !== '') own.push(['User-Agent', agent]);
  const others = given.filter(([name]) => name !== 'Host' && name !== 'User-Agent' && name !== 'Accept');
  const accepts = given.filter(([name]) => name === 'Accept');
  if (accepts.length === 0) others.push(['Accept', '*/*']);
  else if (accepts[0]?.[1] !== '') others.push(...accepts);
  return [...own, ...others.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))];
}

/** A path as it goes on the wire: what cannot stand there is escaped, and a fragment is not sent. */
function wirePath(path: string): string {
  const [kept = ''] = path.split('#');
  const escaped = kept.replace(/[^\x21-\x7e]/gu, (c) => encodeURIComponent(c));
  return escaped.startsWith('/') ? escaped : `/${escaped}`;
}

/** The request for an action; `podIP` stands in where it names no host. Throws when the port cannot be resolved. */
export function httpTargetOf(
  action: HTTPGetAction,
  container: Container,
  podIP: string,
  purpose: 'probe' | 'lifecycle',
): { target: HttpTarget; headers: readonly Header[] } {
  const port = resolvePort(action.port, container);
  const host = action.host || podIP;
  return {
    target: { scheme: action.scheme === 'HTTPS' ? 'https' : 'http', host, port, path: wirePath(action.path ?? '') },
    headers: headersOf(action, purpose, joinHostPort(host, port)),
  };
}

/** The address as upstream writes it in messages: the port is always there. */
export const urlText = ({ scheme, host, port, path }: HttpTarget): string =>
  `${scheme}://${joinHostPort(host, port)}${path}`;
