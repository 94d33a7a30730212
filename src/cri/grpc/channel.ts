// A gRPC connection over a unix socket: unary calls with deadlines and AbortSignals, server streams, errors as RuntimeError.

import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { fromJSON, type PackageDefinition } from '@grpc/proto-loader';
import { containerdEvents } from '../protos/containerd-events.ts';
import { containerdSnapshots } from '../protos/containerd-snapshots.ts';
import { protoJson } from '../protos/message-table.ts';
import { runtimeV1 } from '../protos/runtime-v1.ts';
import { RuntimeError, type RuntimeErrorCode } from '../runtime.ts';

const codeNames: readonly (RuntimeErrorCode | 'OK')[] = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];

/** A gRPC error as the contract's RuntimeError. */
function runtimeError(error: Pick<ServiceError, 'code' | 'details' | 'message'>): RuntimeError {
  const name = codeNames[error.code];
  return new RuntimeError(name === undefined || name === 'OK' ? 'Unknown' : name, error.details || error.message);
}

// Absent scalars stay absent, so that "not set" survives; lists and maps are always there.
const loadOptions = { longs: Number, enums: String, bytes: Buffer, arrays: true, objects: true } as const;

interface Method {
  path: string;
  serialize: (value: object) => Buffer;
  deserialize: (bytes: Buffer) => object;
}

function methodsOf(definition: PackageDefinition): Map<string, Method> {
  const methods = new Map<string, Method>();
  for (const [service, methodsOfService] of Object.entries(definition)) {
    if ('format' in methodsOfService) continue;
    for (const [name, method] of Object.entries(methodsOfService)) {
      methods.set(`${service.slice(service.lastIndexOf('.') + 1)}.${name}`, {
        path: method.path,
        serialize: method.requestSerialize,
        deserialize: method.responseDeserialize,
      });
    }
  }
  return methods;
}

let table: Map<string, Method> | undefined;

/** Looks a method up as 'RuntimeService.Version'. The tables are built at the first use. */
export function grpcMethod(name: string): Method {
  table ??= new Map(
    [runtimeV1, containerdEvents, containerdSnapshots].flatMap((api) => [
      ...methodsOf(fromJSON(protoJson(api.package, api.tables), loadOptions)),
    ]),
  );
  const method = table.get(name);
  if (!method) throw new Error(`no gRPC method ${name} in the tables`);
  return method;
}

export interface CallOptions {
  /** ms from now on; undefined waits for ever. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  metadata?: Record<string, string>;
}

export interface Channel {
  /** One request, one answer. `T` is the decoded message: absent scalars are undefined. Rejects with RuntimeError. */
  unary<T>(method: string, request: object, options?: CallOptions): Promise<T>;
  /** A server stream, ending with the server's or by throwing RuntimeError. */
  stream<T>(method: string, request: object, options: { signal: AbortSignal }): AsyncIterable<T>;
  close(): void;
}

function metadataOf(values: Record<string, string> = {}): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(values)) metadata.set(key, value);
  return metadata;
}

/** Opens a channel to a unix socket (an absolute path). It connects at the first call and again after a break, within half a second. */
export function openChannel(socketPath: string): Channel {
  const client = new Client(`unix://${socketPath}`, credentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.min_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 500,
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    // Each channel has its own connection: a new runtime on the same path must not meet an old one's.
    'grpc.use_local_subchannel_pool': 1,
  });

  return {
    unary<T>(name: string, request: object, { timeoutMs, signal, metadata }: CallOptions = {}): Promise<T> {
      const method = grpcMethod(name);
      return new Promise<T>((resolve, reject) => {
        if (signal?.aborted) return reject(new RuntimeError('Canceled', 'context canceled'));
        const call = client.makeUnaryRequest(
          method.path,
          method.serialize,
          (bytes) => method.deserialize(bytes) as T,
          request,
          metadataOf(metadata),
          timeoutMs === undefined ? {} : { deadline: new Date(Date.now() + timeoutMs) },
          (error, value) => {
            signal?.removeEventListener('abort', cancel);
            if (error) reject(runtimeError(error));
            else if (value === undefined) reject(new RuntimeError('Internal', `${name} answered nothing`));
            else resolve(value);
          },
        );
        const cancel = (): void => call.cancel();
        signal?.addEventListener('abort', cancel, { once: true });
      });
    },
    async *stream<T>(name: string, request: object, { signal }: { signal: AbortSignal }): AsyncGenerator<T> {
      const method = grpcMethod(name);
      const call = client.makeServerStreamRequest(
        method.path,
        method.serialize,
        (bytes) => method.deserialize(bytes) as T,
        request,
        new Metadata(),
        {},
      );
      const cancel = (): void => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        for await (const message of call) yield message as T;
      } catch (error) {
        throw error instanceof Error && 'code' in error ? runtimeError(error as ServiceError) : error;
      } finally {
        signal.removeEventListener('abort', cancel);
        call.cancel();
      }
    },
    close: () => client.close(),
  };
}
