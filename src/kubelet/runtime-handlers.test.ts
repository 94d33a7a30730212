import { expect, it } from 'vitest';
import { notFound } from '../api/meta/errors.ts';
import type { Client } from '../client/client.ts';
import { createRuntimeHandlers } from './runtime-handlers.ts';

const { signal } = new AbortController();

it('asks the API for the class, and keeps what it said for when it cannot be reached', async () => {
  let answer: () => object = () => ({ handler: 'crun' });
  const asked: string[] = [];
  const get = async (_resource: unknown, { name }: { name: string }): Promise<object> => {
    asked.push(name);
    return answer();
  };
  const handlerOf = createRuntimeHandlers({ get } as Pick<Client, 'get'>);
  expect(await handlerOf(undefined, signal)).toBe('');
  expect(asked).toEqual([]);
  expect(await handlerOf('fast', signal)).toBe('crun');
  answer = () => {
    throw new Error('connection refused');
  };
  expect(await handlerOf('fast', signal)).toBe('crun');
  await expect(handlerOf('other', signal)).rejects.toThrow('failed to lookup RuntimeClass other: connection refused');
  answer = () => {
    throw notFound({ group: 'node.k8s.io', resource: 'runtimeclasses' }, 'fast');
  };
  await expect(handlerOf('fast', signal)).rejects.toThrow('runtimeclass.node.k8s.io "fast" not found');
});
