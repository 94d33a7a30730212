// Tells an extension server by headers for whom a request is made.
// Follows client-go transport/round_trippers.go (SetAuthProxyHeaders, headerKeyEscape) of v1.36. Pure.

import type { UserInfo } from '../request.ts';

/** Whether only this server may say that; a client's own is taken away. */
export const isProxyHeader = (name: string): boolean => /^x-remote-(user|uid|group|extra-.*)$/i.test(name);

/** What a header's name may be made of, but the percent sign that escapes the rest. */
const plain = /[^A-Za-z0-9!#$&'*+.^_`|~-]/g;

const escaped = (key: string): string =>
  Buffer.from(key, 'utf8')
    .toString('latin1')
    .replace(plain, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);

/** Characters beyond Latin 1 go as the bytes of UTF-8, as Go sends them. */
const value = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

export function proxyHeaders({ name, uid, groups, extra = {} }: UserInfo): Record<string, string | readonly string[]> {
  const headers: Record<string, string | readonly string[]> = { 'x-remote-user': value(name) };
  if (uid !== undefined && uid !== '') headers['x-remote-uid'] = value(uid);
  if (groups.length > 0) headers['x-remote-group'] = groups.map(value);
  for (const [key, values] of Object.entries(extra))
    if (values.length > 0) headers[`x-remote-extra-${escaped(key).toLowerCase()}`] = values.map(value);
  return headers;
}
