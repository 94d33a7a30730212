// A client that speaks protobuf by Kubernetes' own message descriptors, taken out of a kubectl: what the API writes it reads, and what it
// writes the API reads, for every kind that it knows.
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allKinds } from '../../src/api/kinds/all.ts';
import { apiVersionOf } from '../../src/api/meta/types.ts';
import type { AnyKind } from '../../src/api/scheme.ts';
import { startTestServer, type TestServer, verbs } from '../../src/apiserver/test-server.ts';
import { hostFiles } from '../../src/host/files.ts';
import { ensurePki } from '../../src/host/pki.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { realRandom } from '../../src/host/real-random.ts';
import { everyKind } from '../support/every-kind-objects.ts';
import { h2, httpsClient } from '../support/https-client.ts';
import { protobufDescriptors } from './tools.ts';

const media = 'application/vnd.kubernetes.protobuf';
const magic = Buffer.from('k8s\0');
type Message = Record<string, unknown>;

/** The package adds it to Root when it is loaded; its types know only of the other way about. */
const { fromDescriptor } = protobuf.Root as unknown as { fromDescriptor(set: protobuf.Message): protobuf.Root };
const root = fromDescriptor(
  descriptor.FileDescriptorSet.create({
    file: protobufDescriptors().map((bytes) => descriptor.FileDescriptorProto.decode(bytes)),
  }),
);
const envelope = root.lookupType('k8s.io.apimachinery.pkg.runtime.Unknown');
/** io.k8s.api.core.v1.Pod is k8s.io.api.core.v1.Pod there. */
const messageOf = (definition: string): protobuf.Type | undefined => {
  const found = root.lookup(definition.replace(/^io\.k8s\./, 'k8s.io.'));
  return found instanceof protobuf.Type ? found : undefined;
};

function read(type: protobuf.Type, bytes: Buffer): Message {
  expect(bytes.subarray(0, 4).equals(magic)).toBe(true);
  const { raw } = envelope.decode(bytes.subarray(4)).toJSON() as { raw?: string };
  return type.decode(Buffer.from(raw ?? '', 'base64')).toJSON();
}

function written(type: protobuf.Type, { apiVersion, kind }: Message, message: Message): Buffer {
  const raw = type.encode(type.fromObject(message)).finish();
  return Buffer.concat([magic, envelope.encode({ typeMeta: { apiVersion, kind }, raw }).finish()]);
}

/** A service gets others each time. */
function withoutAddresses(spec: unknown): void {
  for (const field of ['clusterIP', 'clusterIPs']) if (spec !== undefined) delete (spec as Message)[field];
}

let t: TestServer;
let folder: string;
let session: ReturnType<ReturnType<typeof httpsClient>['session']>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'peapod-protobuf-'));
  const pki = await ensurePki({ dir: folder, files: hostFiles, clock: realClock, hosts: [] });
  t = await startTestServer(realClock, realRandom);
  const { port } = await t.server.listen({ host: '127.0.0.1', port: 0, tls: { ...pki.apiserver, clientCa: pki.ca } });
  session = httpsClient(port, pki.ca, await pki.issueClientCert('admin', ['system:masters'])).session();
});
afterAll(async () => {
  session?.close();
  await t?.server.close();
  rmSync(folder, { recursive: true, force: true });
});

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default', labels: { a: 'b' }, annotations: { x: 'y' } },
  spec: {
    containers: [
      {
        name: 'c',
        image: 'i',
        command: ['sh', '-c', 'true'],
        ports: [{ name: 'web', containerPort: 80 }],
        env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: true } } }],
        resources: { requests: { cpu: '100m' }, limits: { memory: '1Gi' } },
        livenessProbe: { httpGet: { path: '/', port: 'web' }, periodSeconds: 3 },
        volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true }],
        securityContext: { runAsUser: 0, capabilities: { add: ['NET_ADMIN'] } },
      },
    ],
    volumes: [{ name: 'v', configMap: { name: 'm', defaultMode: 256, items: [{ key: 'a', path: 'b' }] } }],
    tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }],
    nodeSelector: { disk: 'ssd' },
    terminationGracePeriodSeconds: 0,
  },
};

describe('a pod', () => {
  const type = messageOf('io.k8s.api.core.v1.Pod')!;
  const path = '/api/v1/namespaces/default/pods';

  test('is read field by field', async () => {
    await verbs(t.admin).post(path, pod);
    const answer = await h2(session, 'GET', `${path}/p`, { accept: media });
    expect(answer.headers['content-type']).toBe(media);
    expect(read(type, answer.body)).toMatchObject({
      metadata: { name: 'p', labels: [{ key: 'a', value: 'b' }], annotations: [{ key: 'x', value: 'y' }] },
      spec: {
        containers: [
          {
            name: 'c',
            command: ['sh', '-c', 'true'],
            ports: [{ name: 'web', containerPort: 80, protocol: 'TCP' }],
            env: [
              {
                name: 'A',
                valueFrom: { secretKeyRef: { localObjectReference: { name: 's' }, key: 'k', optional: true } },
              },
            ],
            resources: {
              requests: expect.arrayContaining([{ key: 'cpu', value: { string: '100m' } }]) as unknown,
              limits: [{ key: 'memory', value: { string: '1Gi' } }],
            },
            livenessProbe: {
              handler: { httpGet: { path: '/', port: { type: '1', strVal: 'web' } } },
              periodSeconds: 3,
            },
            // Text that is no pointer in Go is there where it is empty, too.
            volumeMounts: expect.arrayContaining([
              { name: 'v', mountPath: '/v', readOnly: true, subPath: '', subPathExpr: '' },
            ]) as unknown,
            securityContext: { runAsUser: '0', capabilities: { add: ['NET_ADMIN'] } },
          },
        ],
        volumes: expect.arrayContaining([
          {
            name: 'v',
            volumeSource: {
              configMap: { localObjectReference: { name: 'm' }, defaultMode: 256, items: [{ key: 'a', path: 'b' }] },
            },
          },
        ]) as unknown,
        nodeSelector: [{ key: 'disk', value: 'ssd' }],
        terminationGracePeriodSeconds: '0',
      },
      status: { phase: 'Pending', qosClass: 'Burstable' },
    });
  });

  test('comes in lists and watches', async () => {
    const list = messageOf('io.k8s.api.core.v1.PodList')!;
    const answer = await h2(session, 'GET', path, { accept: media });
    expect(read(list, answer.body)).toMatchObject({ items: [{ metadata: { name: 'p' } }] });
    const watch = await h2(session, 'GET', `${path}?watch=true&resourceVersion=0&timeoutSeconds=1`, {
      accept: `${media};stream=watch`,
    });
    const length = watch.body.readUInt32BE(0);
    const event = root.lookupType('k8s.io.apimachinery.pkg.apis.meta.v1.WatchEvent');
    const { type: what, object } = event.decode(watch.body.subarray(4, 4 + length)).toJSON() as {
      type: string;
      object: { raw: string };
    };
    expect([what, (read(type, Buffer.from(object.raw, 'base64'))['metadata'] as Message)['name']]).toEqual([
      'ADDED',
      'p',
    ]);
  });
});

/** How the kind of an object is defined here and there; undefined for the kinds that came after that kubectl, or that it does not hold. */
function formsOf({ apiVersion, kind }: Message): { definition: AnyKind; type: protobuf.Type } | undefined {
  const definition = allKinds.find((one) => one.kind === kind && apiVersionOf(one) === apiVersion);
  const type = definition && messageOf(definition.definition);
  return definition === undefined || type === undefined ? undefined : { definition, type };
}

describe('every kind that it knows', () => {
  const known = everyKind({ namespace: 'every', request: '' }).flatMap(([name, object]) => {
    const forms = formsOf(object);
    // A request for a certificate must be a true one, and can be made once.
    return forms === undefined || object['kind'] === 'CertificateSigningRequest' ? [] : [{ name, object, ...forms }];
  });
  test('is most of them', () => expect(known.length).toBeGreaterThan(30));

  test.each(known)('$name: what was read can be written again', async ({ object, definition, type }) => {
    const { apiVersion, kind, metadata } = object as { apiVersion: string; kind: string; metadata: { name: string } };
    const base = definition.group === '' ? '/api/v1' : `/apis/${apiVersion}`;
    const path = `${base}${definition.namespaced ? '/namespaces/every' : ''}/${definition.resource}`;
    const { post, get, del, patch } = verbs(t.admin);
    await post(path, object);
    const before = (await get(`${path}/${metadata.name}`)) as Message;
    const message = read(type, (await h2(session, 'GET', `${path}/${metadata.name}`, { accept: media })).body);
    const own = message['metadata'] as Message;
    if (kind === 'Namespace') {
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
      await post(`${path}/every/serviceaccounts`, account);
      return;
    }
    for (const field of ['uid', 'resourceVersion', 'creationTimestamp', 'managedFields', 'generation'])
      delete own[field];
    withoutAddresses(message['spec']);
    await del(`${path}/${metadata.name}`);
    // Volumes and claims are held until a controller lets them go, of which there is none here.
    if (kind.startsWith('PersistentVolume'))
      await patch(`${path}/${metadata.name}`, 'merge-patch+json', { metadata: { finalizers: null } });
    const again = await h2(session, 'POST', path, { 'content-type': media }, written(type, object, message));
    expect([again.status, again.status === 201 ? '' : again.body.toString()]).toEqual([201, '']);
    const after = (await get(`${path}/${metadata.name}`)) as Message;
    const comparable = (whole: Message): Message => {
      // Conditions are somebody else's, and protobuf knows no lists without elements.
      const { metadata: _, status: __, ...all } = structuredClone(whole) as Message & { spec?: Message };
      const rest = Object.fromEntries(
        Object.entries(all).filter(([, value]) => !(Array.isArray(value) && value.length === 0)),
      ) as Message & { spec?: Message };
      withoutAddresses(rest.spec);
      return rest;
    };
    expect(comparable(after)).toEqual(comparable(before));
  });
});
