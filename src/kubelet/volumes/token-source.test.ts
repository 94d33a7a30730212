// When tokens of pods are asked for, kept, renewed and forgotten.
import { expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import { createClient } from '../../client/create-client.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createFakeApi } from '../../sim/fake-api.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { createTokenSource } from './token-source.ts';

const pod: Pod = {
  metadata: { name: 'p', namespace: 'n', uid: 'u' },
  spec: { serviceAccountName: 'a', containers: [] },
};

function setUp() {
  const clock = createVirtualClock();
  const api = createFakeApi();
  const asked: unknown[] = [];
  let broken = false;
  let answer: object | undefined;
  api.intercept = ({ method, path, body }) => {
    if (method !== 'POST' || path !== '/api/v1/namespaces/n/serviceaccounts/a/token') return undefined;
    if (broken) throw new Error('no way');
    const request = body as { spec: { expirationSeconds: number } };
    asked.push(request.spec);
    const expirationTimestamp = new Date(clock.now() + request.spec.expirationSeconds * 1000).toISOString();
    return { status: answer ?? { token: `token ${asked.length}`, expirationTimestamp } } as object;
  };
  const due: string[] = [];
  const source = createTokenSource({
    client: createClient(api),
    clock,
    logger: silentLogger,
    due: (uid) => void due.push(uid),
  });
  const token = (audience = '', expirationSeconds = 1000): Promise<string> =>
    source.token(pod, { audience, expirationSeconds });
  const answerWith = (status: object | undefined): void => void (answer = status);
  return { clock, source, asked, due, token, answerWith, break: (now: boolean) => (broken = now) };
}

test('a token is bound to the pod, kept, and renewed at four fifths of its life', async () => {
  const { clock, token, asked, due } = setUp();
  expect(await token()).toBe('token 1');
  expect(asked).toEqual([
    { audiences: [], expirationSeconds: 1000, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' } },
  ]);
  await clock.advance(799_000);
  expect(await token()).toBe('token 1');
  expect(due).toEqual([]);
  await clock.advance(1_000);
  expect(due).toEqual(['u']);
  expect(await token()).toBe('token 2');
});

test('each audience has its own', async () => {
  const { token } = setUp();
  expect([await token(), await token('vault'), await token()]).toEqual(['token 1', 'token 2', 'token 1']);
});

test('while it cannot be renewed the old one serves until it has expired', async () => {
  const { clock, token, due, break: broken } = setUp();
  await token();
  broken(true);
  await clock.advance(801_000);
  expect(await token()).toBe('token 1');
  await clock.advance(60_000);
  expect(due).toEqual(['u', 'u']);
  await clock.advance(140_000);
  await expect(token()).rejects.toThrow('failed to fetch token: no way');
  broken(false);
  expect(await token()).toBe('token 2');
});

test('a pod that is gone is forgotten', async () => {
  const { clock, source, token, due } = setUp();
  await token();
  source.forget('u');
  await clock.advance(2_000_000);
  expect(due).toEqual([]);
  expect(await token()).toBe('token 2');
  source.close();
});

test('a pod that goes while its token is on the way leaves nothing behind', async () => {
  const { clock, source, token, due } = setUp();
  const asked = token();
  source.forget('u');
  expect(await asked).toBe('token 1');
  await clock.advance(2_000_000);
  expect(due).toEqual([]);
});

test('nor one whose token is being renewed, whether that succeeds or not', async () => {
  for (const breaks of [false, true]) {
    const { clock, source, token, due, break: broken } = setUp();
    await token();
    await clock.advance(850_000);
    broken(breaks);
    const renewed = token();
    source.forget('u');
    expect(await renewed).toBe(breaks ? 'token 1' : 'token 2');
    await clock.advance(2_000_000);
    expect(due).toEqual(['u']);
  }
});

test.each([
  {},
  { token: 'x' },
  { token: 'x', expirationTimestamp: 'soon' },
  { expirationTimestamp: '2100-01-01T00:00:00Z' },
])('the answer %j is refused, and asked for again only when somebody wants it', async (answer) => {
  const { clock, token, asked, due, answerWith } = setUp();
  answerWith(answer);
  await expect(token()).rejects.toThrow('failed to fetch token: the answer has no token, or not until when it is good');
  await clock.advance(3_600_000);
  expect([asked.length, due]).toEqual([1, []]);
  answerWith(undefined);
  expect(await token()).toBe('token 2');
});

test('a long-lived token is renewed daily', async () => {
  const { clock, token, due } = setUp();
  await token('', 30 * 86_400);
  await clock.advance(86_400_000);
  expect(due).toEqual(['u']);
  expect(await token('', 30 * 86_400)).toBe('token 2');
});
