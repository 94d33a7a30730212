// Tests the client against a gRPC server of our own on a unix socket, and the wire against bytes that protoc makes.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { realClock } from '../../host/real-clock.ts';
import { containerdEvents } from '../protos/containerd-events.ts';
import { protoJson } from '../protos/message-table.ts';
import { runtimeV1 } from '../protos/runtime-v1.ts';
import type { RuntimeEvent } from '../runtime.ts';
import { grpcMethod } from './channel.ts';
import { connectRuntime, type RuntimeConnection, waitForRuntime } from './connect-runtime.ts';

const options = { longs: Number, enums: String, bytes: Buffer, arrays: true, objects: true } as const;
const serviceOf = (api: typeof runtimeV1 | typeof containerdEvents, name: string): ServiceDefinition =>
  fromJSON(protoJson(api.package, api.tables), options)[`${api.package}.${name}`] as ServiceDefinition;

let folder = '';
let connection: RuntimeConnection;
let server: Server | undefined;
const socket = (): string => `${folder}/cri.sock`;

async function serve(runtime: UntypedServiceImplementation, events: UntypedServiceImplementation = {}): Promise<void> {
  server = new Server();
  server.addService(serviceOf(runtimeV1, 'RuntimeService'), runtime);
  server.addService(serviceOf(containerdEvents, 'Events'), events);
  await new Promise<void>((resolve, reject) =>
    server!.bindAsync(`unix://${socket()}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    ),
  );
}

beforeEach(async () => {
  folder = await mkdtemp(`${tmpdir()}/peapod-grpc-`);
  connection = connectRuntime(socket(), realClock);
});
afterEach(async () => {
  connection.close();
  server?.forceShutdown();
  await rm(folder, { recursive: true, force: true });
});

describe('on the wire', () => {
  test.each([
    ['ContainerStatus', { id: 'ab', verbose: true }, '0a0261621001'],
    ['StopContainer', { id: 'c', timeout: 30 }, '0a0163101e'],
    ['ExecSync', { id: 'c', cmd: ['a', 'b'], timeout: 0 }, '0a01631201611201621800'],
    ['ListContainers', { filter: { state: { state: 'exited' } } }, '0a0412020802'],
    ['CreateContainer', { config: { envs: [{ key: 'K', value: 'ü' }] } }, '120932070a014b1202c3bc'],
    ['RunPodSandbox', { config: { linux: { securityContext: { runAsUser: { value: 0 } } } } }, '0a08420612041a020800'],
  ])('%s', (name, message, hex) => {
    expect(grpcMethod(`RuntimeService.${name}`).serialize(message).toString('hex')).toBe(hex);
  });

  test('signals are numbered as in the API', () => {
    const bytes = (stopSignal: string): string =>
      grpcMethod('RuntimeService.CreateContainer').serialize({ config: { stopSignal } }).toString('hex');
    expect(bytes('SIGTERM')).toBe('1203900117');
    expect(bytes('SIGRTMIN+3')).toBe('1203900126');
    expect(bytes('SIGRTMAX')).toBe('1203900141');
  });
});

test('answers are converted: times in ms, absent stays absent, defaults filled in', async () => {
  await serve({
    PodSandboxStatus: (_: unknown, reply: (error: null, value: object) => void) =>
      reply(null, {
        status: {
          id: 's',
          state: 'notready',
          createdAt: 1_700_000_000_123_456_768,
          network: { ip: '10.0.0.1', additionalIps: [{ ip: 'fd00::1' }] },
        },
      }),
    ContainerStatus: (_: unknown, reply: (error: null, value: object) => void) =>
      reply(null, {
        status: { id: 'c', state: 'running', startedAt: 5_000_000, resources: { linux: { cpuShares: 2 } } },
      }),
  });
  const sandbox = await connection.runtime.podSandboxStatus('s');
  expect(sandbox).toMatchObject({
    id: 's',
    state: 'notready',
    ips: ['10.0.0.1', 'fd00::1'],
    labels: {},
    metadata: { name: '', attempt: 0 },
  });
  expect(sandbox.createdAt).toBeCloseTo(1_700_000_000_123.456, 2);
  const container = await connection.runtime.containerStatus('c');
  expect(container).toMatchObject({ state: 'running', startedAt: 5, exitCode: 0, reason: '', mounts: [] });
  expect(container.resources?.cpuShares).toBe(2);
  expect(container.resources).not.toHaveProperty('memoryLimitBytes');
  expect('finishedAt' in container).toBe(false);
});

test('errors carry the code and the words', async () => {
  await serve({
    RemoveContainer: (_: unknown, reply: (error: object) => void) =>
      reply({ code: status.NOT_FOUND, details: 'no such container' }),
  });
  await expect(connection.runtime.removeContainer('x')).rejects.toMatchObject({
    name: 'RuntimeError',
    code: 'NotFound',
    description: 'no such container',
    message: 'rpc error: code = NotFound desc = no such container',
  });
  await expect(connection.runtime.startContainer('x')).rejects.toMatchObject({ code: 'Unimplemented' });
});

test('a signal cancels a call, also before it starts', async () => {
  let cancelled = false;
  await serve({
    StartContainer: (call: { on(name: string, f: () => void): void }) => call.on('cancelled', () => (cancelled = true)),
  });
  const stop = new AbortController();
  const starting = connection.runtime.startContainer('x', stop.signal);
  setTimeout(() => stop.abort(), 50);
  await expect(starting).rejects.toMatchObject({ code: 'Canceled' });
  await expect.poll(() => cancelled).toBe(true);
  await expect(connection.runtime.startContainer('x', stop.signal)).rejects.toMatchObject({ code: 'Canceled' });
});

test('waits for a runtime that is not there yet, and connects again after it went away', async () => {
  const version = (_: unknown, reply: (error: null, value: object) => void): void =>
    reply(null, { runtimeName: 'r', runtimeVersion: '1' });
  const list = (_: unknown, reply: (error: null, value: object) => void): void => reply(null, { items: [] });
  await expect(waitForRuntime(socket(), realClock, { timeoutMs: 30 })).rejects.toMatchObject({ code: 'Unavailable' });
  const waiting = waitForRuntime(socket(), realClock, { timeoutMs: 5000 });
  await serve({ Version: version, ListPodSandbox: list });
  await waiting;
  expect((await connection.runtime.version()).runtimeName).toBe('r');
  server!.forceShutdown();
  await expect(connection.runtime.version()).rejects.toMatchObject({ code: 'Unavailable' });
  await serve({ Version: version, ListPodSandbox: list });
  await expect
    .poll(
      () =>
        connection.runtime.version().then(
          () => true,
          () => false,
        ),
      { timeout: 3000 },
    )
    .toBe(true);
});

test('events: a resync first, execs left out, ends told at once, and again after a break', async () => {
  interface Call {
    write(message: object): void;
    on(name: string, f: () => void): void;
  }
  const calls: Call[] = [];
  const exit = (id: string, exitStatus: number): object => ({
    topic: '/tasks/exit',
    timestamp: { seconds: 7, nanos: 500_000_000 },
    event: { value: taskExit('c1', id, exitStatus) },
  });
  const taskExit = (containerId: string, id: string, exitStatus: number): Buffer =>
    Buffer.concat([
      Buffer.from([10, containerId.length]),
      Buffer.from(containerId),
      Buffer.from([18, id.length]),
      Buffer.from(id),
      Buffer.from([32, exitStatus]),
    ]);
  await serve(
    {},
    {
      Subscribe: (call: Call) => void calls.push(call),
      Publish: ({ request }: { request: { topic: string } }, reply: (error: null, value: object) => void) => {
        for (const call of calls) call.write({ topic: request.topic });
        reply(null, {});
      },
    },
  );
  const stop = new AbortController();
  const events: RuntimeEvent[] = [];
  const done = (async () => {
    for await (const event of connection.runtime.events(stop.signal)) events.push(event);
  })();
  await expect.poll(() => events).toEqual([{ type: 'resync' }]);
  calls[0]!.write(exit('some-exec', 0));
  calls[0]!.write(exit('c1', 9));
  calls[0]!.write({ topic: '/tasks/start', event: { value: Buffer.from([10, 2, 0x63, 0x32]) } });
  await expect.poll(() => events.length).toBe(3);
  expect(events.slice(1)).toEqual([
    { type: 'stopped', id: 'c1', at: 7500, exitCode: 9 },
    { type: 'started', id: 'c2', at: 0 },
  ]);
  (calls.shift() as unknown as { end(): void }).end();
  await expect.poll(() => events.filter(({ type }) => type === 'resync').length, { timeout: 3000 }).toBe(2);
  stop.abort();
  await done;
});
