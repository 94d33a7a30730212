// A whole extension API server for tests: notes.demo.example.com/v1 in memory, with discovery, OpenAPI, watches and an echo on upgrades.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';

export const group = 'demo.example.com';
export const root = `/apis/${group}/v1`;

interface Note {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string; resourceVersion?: string; annotations?: Record<string, string> };
  text?: string;
}

export interface ExtensionServer {
  port: number;
  /** Requests as they came: method, URL, and who they are for. */
  readonly seen: { request: string; user: string; groups: string; extra: string; proxy: string }[];
  /** The bodies of requests for single notes, in the order of their ends. */
  readonly bodies: string[];
  /** What the next requests are answered with instead, if anything. */
  broken: number | undefined;
  close(): void;
}

export interface ExtensionOptions {
  cert: string;
  key: string;
  /** The CA of front proxies: whoever has no certificate of it is refused. */
  requestHeaderCa: string;
  host?: string;
  /** A free one where none is named. */
  port?: number;
}

const noteType = `com.example.demo.v1.Note`;
const gvk = [{ group, version: 'v1', kind: 'Note' }];
const noteSchema = {
  description: 'Note is a few words.',
  type: 'object',
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object' },
    text: { description: 'What it says.', type: 'string' },
  },
  'x-kubernetes-group-version-kind': gvk,
};

const documents: Record<string, object> = {
  [root]: {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: `${group}/v1`,
    resources: [
      {
        name: 'notes',
        singularName: 'note',
        namespaced: true,
        kind: 'Note',
        verbs: ['create', 'delete', 'get', 'list', 'watch'],
        shortNames: ['nt'],
        categories: ['all'],
      },
      { name: 'notes/shout', singularName: '', namespaced: true, kind: 'Note', verbs: ['get'] },
    ],
  },
  '/openapi/v3': { paths: { [root.slice(1)]: { serverRelativeURL: `/openapi/v3${root}?hash=1` } } },
  [`/openapi/v3${root}`]: {
    openapi: '3.0.0',
    info: { title: 'notes', version: 'v1' },
    paths: {
      [`${root}/namespaces/{namespace}/notes`]: {
        get: { 'x-kubernetes-action': 'list', 'x-kubernetes-group-version-kind': gvk[0], responses: {} },
      },
    },
    components: { schemas: { [noteType]: noteSchema } },
  },
  '/openapi/v2': {
    swagger: '2.0',
    info: { title: 'notes', version: 'v1' },
    paths: {
      [`${root}/namespaces/{namespace}/notes`]: {
        get: {
          'x-kubernetes-action': 'list',
          'x-kubernetes-group-version-kind': gvk[0],
          responses: { 200: { description: 'OK', schema: { $ref: `#/definitions/${noteType}` } } },
        },
      },
      '/apis/other.example.com/v1/things': { get: { responses: {} } },
    },
    definitions: { [noteType]: noteSchema, unused: { type: 'object' } },
  },
};

export async function startExtensionServer(options: ExtensionOptions): Promise<ExtensionServer> {
  const notes = new Map<string, Note>();
  const watchers = new Set<(event: object) => void>();
  let revision = 1;
  const { requestHeaderCa, host = '127.0.0.1', port = 0, ...tls } = options;
  const server = createServer({ ...tls, ca: requestHeaderCa, requestCert: true, rejectUnauthorized: false });
  const send = (response: ServerResponse, code: number, body: object): void => {
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const status = (response: ServerResponse, code: number, reason: string, message: string): void =>
    send(response, code, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, message, code });
  const made: ExtensionServer = {
    port: 0,
    seen: [],
    bodies: [],
    broken: undefined,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
  const note = (request: IncomingMessage): boolean => {
    const socket = request.socket as TLSSocket;
    const text = (name: string): string => String(request.headers[name] ?? '');
    const proxy = socket.authorized ? String(socket.getPeerCertificate().subject.CN) : '';
    made.seen.push({
      request: `${request.method} ${request.url}`,
      user: text('x-remote-user'),
      groups: text('x-remote-group'),
      extra: text('x-remote-extra-example.com%2fteam'),
      proxy,
    });
    return proxy !== '';
  };
  const create = async (request: IncomingMessage, response: ServerResponse, namespace: string): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const object = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Note;
    object.metadata = {
      ...object.metadata,
      namespace,
      resourceVersion: String(++revision),
      annotations: { creator: String(request.headers['x-remote-user']) },
    };
    notes.set(`${namespace}/${object.metadata.name}`, object);
    for (const tell of watchers) tell({ type: 'ADDED', object });
    send(response, 201, object);
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'https://x');
    if (!note(request)) return status(response, 401, 'Unauthorized', 'Unauthorized');
    if (made.broken !== undefined) return status(response, made.broken, 'InternalError', 'broken');
    const document = documents[url.pathname];
    if (document !== undefined) return send(response, 200, document);
    if (url.pathname === `${root}/moved`) {
      response.writeHead(302, { location: 'https://169.254.169.254/' });
      return response.end();
    }
    const [, namespace = '', name = ''] =
      /\/namespaces\/([^/]+)\/notes(?:\/([^/]+))?$/.exec(url.pathname) ??
      (url.pathname === `${root}/notes` ? ['', ''] : []);
    const isNotes = /\/notes(\/[^/]+)?$/.test(url.pathname);
    if (!isNotes) return status(response, 404, 'NotFound', 'the server could not find the requested resource');
    if (request.method === 'POST') return void create(request, response, namespace);
    if (name !== '') {
      const object = notes.get(`${namespace}/${name}`);
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => made.bodies.push(body));
      return object === undefined
        ? status(response, 404, 'NotFound', `notes.${group} "${name}" not found`)
        : send(response, 200, object);
    }
    if (url.searchParams.get('watch') === 'true') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      const tell = (event: object): void => void response.write(`${JSON.stringify(event)}\n`);
      watchers.add(tell);
      response.on('close', () => watchers.delete(tell));
      return;
    }
    const items = [...notes.values()].filter(({ metadata }) => namespace === '' || metadata.namespace === namespace);
    return send(response, 200, {
      kind: 'NoteList',
      apiVersion: `${group}/v1`,
      metadata: { resourceVersion: String(revision) },
      items,
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket) => {
    if (!note(request)) return socket.destroy();
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.on('error', () => socket.destroy());
    return void socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  made.port = (server.address() as AddressInfo).port;
  return made;
}
