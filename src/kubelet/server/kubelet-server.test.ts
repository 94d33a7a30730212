// Paths and methods of the endpoint, on a runtime of a table.
import { expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import type { RuntimeService } from '../../cri/runtime.ts';
import type { FolderReader } from '../../lib/system.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { createKubeletServer, type KubeletServerOptions } from './kubelet-server.ts';
import { HttpError } from './route.ts';

const pod: Pod = { metadata: { name: 'p', namespace: 'ns', uid: 'u' }, spec: { containers: [{ name: 'c' }] } };
const labels = {
  'io.kubernetes.pod.name': 'p',
  'io.kubernetes.pod.namespace': 'ns',
  'io.kubernetes.pod.uid': 'u',
  'io.kubernetes.container.name': 'c',
};
const file = (text: string) => ({
  read: async (offset: number, length: number) => Buffer.from(text).subarray(offset, offset + length),
  stat: async () => ({ size: Buffer.byteLength(text) }) as never,
  close: async () => {},
});
/** Answers from "a/b" paths; a list is a folder. */
const folder = (tree: Record<string, string | string[]>): FolderReader => ({
  look: async (parts) => {
    const found = tree[parts.join('/')];
    if (found === undefined) return undefined;
    return typeof found === 'string' ? { file: file(found) } : { entries: found };
  },
});

function optionsOf(more: Partial<KubeletServerOptions> = {}): KubeletServerOptions {
  const runtime: Partial<RuntimeService> = {
    listContainers: async () =>
      [
        { labels, image: { image: 'busybox' } },
        { labels: {}, image: { image: 'x' } },
      ] as never,
    execSync: async (_, cmd) => ({
      stdout: Buffer.from(cmd.join('|')),
      stderr: Buffer.from('!'),
      exitCode: cmd.includes('false') ? 1 : 0,
    }),
  };
  return {
    pods: {
      list: () => [pod],
      get: (namespace, name) => (namespace === 'ns' && name === 'p' ? pod : undefined),
      getByUid: () => pod,
      status: () => undefined,
      containers: () => [{ id: 'id', logPath: '', restartCount: 0, running: true }],
      sandboxId: () => undefined,
    },
    runtime: runtime as RuntimeService,
    files: createMemoryFiles(),
    clock: createVirtualClock(),
    auth: async () => {},
    connect: () => Promise.reject(new Error('no')),
    stats: { kubeletMetrics: () => 'a 1\n', resourceMetrics: () => 'b 2\n', summary: () => ({ node: {} }) } as never,
    configuration: () => ({ maxPods: 110 }),
    logFolders: {
      '': folder({ '': ['<x>.log', 'apt/'], apt: ['history.log'], 'apt/history.log': 'installed\n' }),
      pods: folder({ '': ['ns_p_u/'] }),
    },
    ...more,
  };
}

const serverWith = (more?: Partial<KubeletServerOptions>) => createKubeletServer(optionsOf(more));

async function ask(server: ReturnType<typeof serverWith>, method: string, url: string): Promise<string> {
  let [status, body] = [0, ''];
  let headers: Readonly<Record<string, string>> = {};
  await server.handle(
    { method, url, rawHeaders: [], user: undefined, signal: new AbortController().signal },
    {
      start: (code, given) => void ([status, headers] = [code, given]),
      write: async (chunk) => void (body += Buffer.from(chunk).toString()),
      end() {},
    },
  );
  const more = ['allow', 'location'].flatMap((name) => (headers[name] ? [`${name}: ${headers[name]}`] : []));
  return [status, ...more, body].join(' ');
}

test.each<[string, string, string]>([
  ['GET', '/healthz', '200 ok'],
  ['GET', '/healthz/', '200 ok'],
  ['GET', '/healthz?verbose', '200 [+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n'],
  ['GET', '/healthz/ping', '200 ok'],
  ['GET', '/healthz/syncloop', '200 ok'],
  ['GET', '/healthz/nothing', '404 404 page not found\n'],
  ['GET', '/pods', `200 ${JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [pod] })}`],
  ['POST', '/pods', '405 allow: GET Method Not Allowed'],
  ['GET', '/pods/more', '404 404 page not found\n'],
  ['GET', '/configz', '200 {"kubeletconfig":{"maxPods":110}}'],
  ['GET', '/metrics', '200 a 1\n'],
  ['GET', '/metrics/resource', '200 b 2\n'],
  ['GET', '/metrics/other', '404 404 page not found\n'],
  ['GET', '/stats/summary', '200 {\n "node": {}\n}'],
  ['GET', '/stats', '404 404 page not found\n'],
  ['POST', '/run/ns/p/c?cmd=ls%20-l', '200 ls|-l!'],
  ['POST', '/run/ns/p/u/c?cmd=id', '200 id!'],
  ['POST', '/run/ns/p/other/c?cmd=id', '404 pod "p" does not exist'],
  ['POST', '/run/ns/p/c?cmd=false', '500 command terminated with exit code 1: false!'],
  ['GET', '/run/ns/p/c?cmd=id', '405 allow: POST Method Not Allowed'],
  ['GET', '/exec/ns/p/c?command=id&output=1', '400 Upgrade request required'],
  ['DELETE', '/exec/ns/p/c', '405 allow: GET, POST Method Not Allowed'],
  ['GET', '/logs/apt/history.log', '200 installed\n'],
  ['GET', '/logs/apt', '301 location: apt/ '],
  ['GET', '/logs/nothing', '404 404 page not found\n'],
  ['GET', '/logs/../etc/passwd', '400 bad path'],
  ['GET', '/logs/..%2fetc', '400 bad path'],
  ['GET', '/nothing', '404 404 page not found\n'],
  ['GET', '/', '404 404 page not found\n'],
])('%s %s: %s', async (method, url, answer) => expect(await ask(serverWith(), method, url)).toBe(answer));

test('folders are pages of links', async () => {
  const head = '200 <!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n';
  expect(await ask(serverWith(), 'GET', '/logs/')).toBe(
    `${head}<a href="%3Cx%3E.log">&lt;x&gt;.log</a>\n<a href="apt/">apt/</a>\n<a href="pods/">pods/</a>\n</pre>\n`,
  );
  expect(await ask(serverWith(), 'GET', '/logs/pods/')).toBe(`${head}<a href="ns_p_u/">ns_p_u/</a>\n</pre>\n`);
  const { logFolders: _, ...none } = optionsOf();
  expect(await ask(createKubeletServer(none), 'GET', '/logs/')).toBe('405 logs endpoint is disabled.\n');
});

test('what the runtime runs is told by its labels', async () => {
  const [, text = ''] = /^200 (.*)$/.exec(await ask(serverWith(), 'GET', '/runningpods/')) ?? [];
  expect((JSON.parse(text) as { items: Pod[] }).items).toEqual([
    { metadata: { name: 'p', namespace: 'ns', uid: 'u' }, spec: { containers: [{ name: 'c', image: 'busybox' }] } },
  ]);
});

test('a loop that stands still is unhealthy', async () => {
  const server = serverWith({ unhealthy: () => 'stands still' });
  expect(await ask(server, 'GET', '/healthz')).toBe(
    '500 [+]ping ok\n[+]log ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n',
  );
  expect(await ask(server, 'GET', '/healthz/syncloop')).toBe('500 internal server error: stands still\n');
  expect(await ask(server, 'GET', '/healthz/ping')).toBe('200 ok');
});

test('nothing is answered before the request is let in', async () => {
  const asked: string[] = [];
  const server = serverWith({
    auth: (_, { root, parts }) => {
      asked.push([root, ...parts].join('/'));
      return Promise.reject(new HttpError(403, 'Forbidden'));
    },
  });
  for (const url of ['/pods', '/logs/x', '/nothing', '/%70ods'])
    expect(await ask(server, 'GET', url)).toBe('403 Forbidden');
  expect(asked).toEqual(['pods', 'logs/x', 'nothing', 'pods']);
});
