// Reaches listening processes over real sockets: HTTP without keep-alive, TCP, and gRPC health checks.

import https from 'node:https';
import { connect as connectSocket, type Socket } from 'node:net';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { type Dialer, DialError, type GrpcHealth, type HttpAnswer, type HttpGet, joinHostPort } from '../lib/dialer.ts';
import { createAnswerReader } from './http-answer.ts';

const errnoTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EINVAL: 'invalid argument',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
};

interface SystemError extends Error {
  code?: string;
  syscall?: string;
}

const isSystemError = (error: unknown): error is SystemError => error instanceof Error;

/** A failure to connect, in Go's words. */
function dialText(error: SystemError, host: string, port: number): string {
  if (error.code === 'ENOTFOUND') return `dial tcp: lookup ${host}: no such host`;
  if (error.code === 'EAI_AGAIN') return `dial tcp: lookup ${host}: Temporary failure in name resolution`;
  return `dial tcp ${joinHostPort(host, port)}: connect: ${errnoTexts[error.code ?? ''] ?? error.message}`;
}

/** A failed request, in Go's words. */
function requestText(error: unknown, { host, port }: HttpGet, socket: Socket | null): string {
  if (!isSystemError(error)) return String(error);
  const { code = '', message } = error;
  if (error.syscall === 'connect' || error.syscall === 'getaddrinfo') return dialText(error, host, port);
  if (message === 'socket hang up') return 'EOF';
  if (/wrong version number|packet length too long/i.test(message)) {
    return 'http: server gave HTTP response to HTTPS client';
  }
  if (code.startsWith('HPE_')) return `net/http: HTTP/1.x transport connection broken: malformed HTTP response`;
  if (code === 'ECONNRESET') {
    const local = socket?.localAddress === undefined ? '' : joinHostPort(socket.localAddress, socket.localPort ?? 0);
    return `read tcp ${local}->${joinHostPort(host, port)}: read: connection reset by peer`;
  }
  return message;
}

/** Headers as node takes them raw: name and value in turn. */
const rawHeaders = (headers: HttpGet['headers']): string[] => [...headers.flat(), 'Connection', 'close'];

const bodyTimeout = 'context deadline exceeded (Client.Timeout or context cancellation while reading body)';

/** The bytes of the request. Throws a TypeError for what would end a line of it. */
function requestBytes({ path, headers }: HttpGet): Buffer {
  const lines = [`GET ${path} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`), 'Connection: close'];
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  const unfit = lines.find((line) => /[\x00-\x08\x0a-\x1f\x7f]/.test(line));
  if (unfit !== undefined || /[^\x21-\x7e]/.test(path)) throw new TypeError('the request has unescaped characters');
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

function getPlain(request: HttpGet, signal?: AbortSignal): Promise<HttpAnswer> {
  return new Promise<HttpAnswer>((resolve, reject) => {
    const { host, port, timeoutMs, maxBodyBytes } = request;
    const bytes = requestBytes(request);
    const reader = createAnswerReader(maxBodyBytes);
    const socket = connectSocket({ host, port });
    const finish = (end: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      end();
      socket.destroy();
    };
    const fail = (kind: DialError['kind'], text: string): void => finish(() => reject(new DialError(kind, text)));
    const timer = setTimeout(() => {
      if (reader.hasHead()) fail('body', bodyTimeout);
      else fail('timeout', `dial tcp ${joinHostPort(host, port)}: i/o timeout`);
    }, timeoutMs);
    const onAbort = (): void => fail('failed', 'context canceled');
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) return onAbort();
    const broken = (error: unknown): void =>
      fail(reader.hasHead() ? 'body' : 'failed', requestText(error, request, socket));
    socket.on('connect', () => socket.write(bytes));
    socket.on('error', broken);
    socket.on('data', (chunk: Buffer) => {
      try {
        if (reader.push(chunk)) finish(() => resolve(reader.answer()));
      } catch (error) {
        broken(error);
      }
    });
    socket.on('end', () => {
      try {
        reader.end();
        finish(() => resolve(reader.answer()));
      } catch (error) {
        broken(error);
      }
    });
  });
}

const get = (request: HttpGet, signal?: AbortSignal): Promise<HttpAnswer> =>
  request.scheme === 'https' ? getOverTls(request, signal) : getPlain(request, signal);

function getOverTls(request: HttpGet, signal?: AbortSignal): Promise<HttpAnswer> {
  return new Promise<HttpAnswer>((resolve, reject) => {
    const { host, port, path, headers, timeoutMs, maxBodyBytes } = request;
    let answered = false;
    const options: https.RequestOptions = {
      host,
      port,
      path,
      method: 'GET',
      headers: rawHeaders(headers),
      setHost: false,
      agent: false,
      rejectUnauthorized: false,
      // An address is no server name.
      servername: /^[\d.]+$|:/.test(host) ? '' : host,
    };
    const sent = https.request(options);
    const finish = (end: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      end();
      sent.destroy();
    };
    const fail = (kind: DialError['kind'], text: string): void => finish(() => reject(new DialError(kind, text)));
    const timer = setTimeout(() => {
      if (answered) fail('body', bodyTimeout);
      else fail('timeout', `dial tcp ${joinHostPort(host, port)}: i/o timeout`);
    }, timeoutMs);
    const onAbort = (): void => fail('failed', 'context canceled');
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    sent.on('error', (error) => fail(answered ? 'body' : 'failed', requestText(error, request, sent.socket)));
    sent.on('response', (response) => {
      answered = true;
      const chunks: Buffer[] = [];
      let size = 0;
      const done = (): void =>
        finish(() =>
          resolve({
            status: response.statusCode ?? 0,
            location: response.headers.location,
            body: Buffer.concat(chunks).subarray(0, maxBodyBytes).toString(),
          }),
        );
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size >= maxBodyBytes) done();
      });
      response.on('end', done);
      response.on('error', () => fail('body', 'unexpected EOF'));
    });
    sent.end();
  });
}

function connect(host: string, port: number, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const socket = connectSocket({ host, port });
    const finish = (end: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      end();
      socket.destroy();
    };
    const fail = (kind: DialError['kind'], text: string): void => finish(() => reject(new DialError(kind, text)));
    const timer = setTimeout(() => fail('timeout', `dial tcp ${joinHostPort(host, port)}: i/o timeout`), timeoutMs);
    const onAbort = (): void => fail('failed', 'context canceled');
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    socket.on('connect', () => finish(resolve));
    socket.on('error', (error) => fail('failed', dialText(error, host, port)));
  });
}

const healthStatuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** HealthCheckRequest: field 1 is the service's name. */
function encodeHealthRequest(service: string): Buffer {
  const name = Buffer.from(service);
  if (name.length === 0) return Buffer.alloc(0);
  const length: number[] = [];
  for (let rest = name.length; ; rest >>>= 7) {
    if (rest < 0x80) {
      length.push(rest);
      break;
    }
    length.push((rest & 0x7f) | 0x80);
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), name]);
}

/** HealthCheckResponse: field 1 is the status, 0 when it is left out. */
function decodeHealthResponse(bytes: Buffer): string {
  const number = bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0;
  return healthStatuses[number] ?? String(number);
}

function healthOf(error: ServiceError): GrpcHealth {
  if (error.code === status.UNIMPLEMENTED) return { type: 'unimplemented', message: error.details };
  if (error.code === status.DEADLINE_EXCEEDED) return { type: 'timeout' };
  const name = (status[error.code] ?? 'UNKNOWN')
    .toLowerCase()
    .replace(/(^|_)([a-z])/g, (_all, _gap, letter: string) => letter.toUpperCase());
  return { type: 'failed', message: `rpc error: code = ${name} desc = ${error.details}` };
}

function grpcHealth(request: Parameters<Dialer['grpcHealth']>[0], signal?: AbortSignal): Promise<GrpcHealth> {
  const { host, port, service, userAgent, timeoutMs } = request;
  return new Promise<GrpcHealth>((resolve, reject) => {
    const client = new Client(joinHostPort(host, port), credentials.createInsecure(), {
      'grpc.primary_user_agent': userAgent,
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 200,
    });
    const deadline = new Date(Date.now() + timeoutMs);
    const finish = (end: () => void): void => {
      signal?.removeEventListener('abort', onAbort);
      end();
      client.close();
    };
    const onAbort = (): void => finish(() => reject(new DialError('failed', 'context canceled')));
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) return onAbort();
    client.waitForReady(deadline, (failure) => {
      if (failure) return finish(() => resolve({ type: 'unconnected' }));
      client.makeUnaryRequest(
        '/grpc.health.v1.Health/Check',
        encodeHealthRequest,
        decodeHealthResponse,
        service,
        new Metadata(),
        { deadline },
        (error, answer) =>
          finish(() => resolve(error ? healthOf(error) : { type: 'answered', status: answer ?? 'UNKNOWN' })),
      );
    });
  });
}

/** Dials from this process's network. */
export const hostDialer: Dialer = { get, connect, grpcHealth };
