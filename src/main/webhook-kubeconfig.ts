// Reads from a kubeconfig where a webhook is and as whom it is asked. Follows client-go tools/clientcmd of v1.36.

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseYamlStrict } from '../api/schema/yaml.ts';
import type { ReviewEndpoint } from '../apiserver/http/review-client.ts';
import { type Fields, flagOf, listOf, textOf } from './config-fields.ts';

const record = (value: unknown, path: string): Fields => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${path}: must be an object`);
  return value as Fields;
};

/** The entry of that name in a list of names and values. Throws an Error. */
function entry(root: Fields, list: string, name: string, what: string): Fields {
  const found = listOf(root[list], list)
    .map((one, i) => record(one, `${list}[${i}]`))
    .find((one) => one['name'] === name);
  if (found === undefined) throw new Error(`${what} ${JSON.stringify(name)} does not exist`);
  return record(found[what] ?? {}, `${list}.${what}`);
}

/** PEM from the fields NAME-data (base64) or NAME (a file, beside the kubeconfig). Rejects with an Error. */
async function pemOf(fields: Fields, name: string, folder: string): Promise<string | undefined> {
  const data = textOf(fields[`${name}-data`], `${name}-data`) ?? '';
  if (data !== '') return Buffer.from(data, 'base64').toString('utf8');
  const file = textOf(fields[name], name) ?? '';
  return file === '' ? undefined : readFile(resolve(folder, file), 'utf8');
}

const notBuilt = ['exec', 'auth-provider', 'username', 'password', 'as', 'as-uid', 'as-groups', 'as-user-extra'];

/** How the token comes; undefined without one. */
function tokenOf(user: Fields, folder: string): Pick<ReviewEndpoint, 'token'> {
  const file = textOf(user['tokenFile'], 'tokenFile') ?? '';
  if (file !== '') return { token: async () => (await readFile(resolve(folder, file), 'utf8')).trim() };
  const token = textOf(user['token'], 'token') ?? '';
  return token === '' ? {} : { token: () => Promise.resolve(token) };
}

/** The endpoint of the current context. Rejects with an Error that says what is wrong. */
export async function readWebhookKubeconfig(path: string): Promise<ReviewEndpoint> {
  const folder = dirname(path);
  const root = record(parseYamlStrict(await readFile(path, 'utf8')).value, path);
  const context = entry(root, 'contexts', textOf(root['current-context'], 'current-context') ?? '', 'context');
  const cluster = entry(root, 'clusters', textOf(context['cluster'], 'context.cluster') ?? '', 'cluster');
  const userName = textOf(context['user'], 'context.user') ?? '';
  const user = userName === '' ? {} : entry(root, 'users', userName, 'user');
  const refused = notBuilt.find((name) => user[name] !== undefined);
  if (refused !== undefined) throw new Error(`user.${refused}: is not built into Peapod`);
  const url = textOf(cluster['server'], 'cluster.server') ?? '';
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:')
    throw new Error(`cluster.server: ${JSON.stringify(url)} must be a URL with https`);
  if (cluster['proxy-url'] !== undefined) throw new Error('cluster.proxy-url: is not built into Peapod');
  const [ca, cert, key] = await Promise.all([
    pemOf(cluster, 'certificate-authority', folder),
    pemOf(user, 'client-certificate', folder),
    pemOf(user, 'client-key', folder),
  ]);
  if ((cert === undefined) !== (key === undefined))
    throw new Error('user: client-certificate and client-key must be specified together');
  const serverName = textOf(cluster['tls-server-name'], 'tls-server-name') ?? '';
  const insecure = flagOf(cluster['insecure-skip-tls-verify'], 'insecure-skip-tls-verify') ?? false;
  if (insecure && ca !== undefined)
    throw new Error('specifying a root certificates file with the insecure flag is not allowed');
  return {
    url,
    insecure,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(serverName === '' ? {} : { serverName }),
    ...tokenOf(user, folder),
  };
}
