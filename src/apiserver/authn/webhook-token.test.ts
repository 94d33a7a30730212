// Whose tokens a webhook says they are, what it is asked, and for how long it is believed.
import { expect, test } from 'vitest';
import { silentLogger } from '../../lib/logger.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import type { PostReview } from '../review-exchange.ts';
import { startTestServer, verbs } from '../test-server.ts';
import { TokenError } from './authenticator.ts';
import { type TokenWebhook, webhookTokens } from './webhook-token.ts';

const own = ['https://kubernetes.default.svc.cluster.local'];

/** A webhook that answers with what `answers` has of the token: a status of a review, or the code of a refusal. */
function webhook(answers: Record<string, object | number>, more: Partial<TokenWebhook> = {}) {
  const asked: { apiVersion: string; spec: { token: string; audiences: string[] } }[] = [];
  const post: PostReview = (body) => {
    const review = JSON.parse(body.toString()) as (typeof asked)[number];
    asked.push(review);
    const answer = answers[review.spec.token] ?? { authenticated: false };
    if (typeof answer === 'number') return Promise.resolve({ status: answer, body: Buffer.from('x'), contentType: '' });
    return Promise.resolve({ status: 201, body: Buffer.from(JSON.stringify({ ...review, status: answer })) });
  };
  const hook: TokenWebhook = { post, version: 'v1beta1', cacheTtlMs: 120_000, ...more };
  const clock = createVirtualClock();
  const deps = { clock, random: createSeededRandom(1), signal: new AbortController().signal, logger: silentLogger };
  return { asked, clock, hook, tokens: webhookTokens(hook, { ...deps, audiences: own }) };
}

test('it is sent the token and the audiences, and gives the user', async () => {
  const user = { username: 'jane', uid: '42', groups: ['dev'], extra: { team: ['a'] } };
  const { asked, tokens } = webhook({ good: { authenticated: true, user } });
  expect(await tokens.authenticate('good', own)).toEqual({
    user: { name: 'jane', uid: '42', groups: ['dev'], extra: { team: ['a'] } },
    audiences: own,
  });
  expect(asked).toEqual([
    {
      kind: 'TokenReview',
      apiVersion: 'authentication.k8s.io/v1beta1',
      metadata: {},
      spec: { token: 'good', audiences: own },
      status: { user: {} },
    },
  ]);
});

test('in the version that was chosen', async () => {
  const { asked, tokens } = webhook({}, { version: 'v1' });
  await tokens.authenticate('x', own);
  expect(asked[0]?.apiVersion).toBe('authentication.k8s.io/v1');
});

test.each<[string, object, string[], string[] | undefined]>([
  ['the webhook says nothing, and it is for us', {}, own, own],
  ['the webhook says nothing, and it is for others', {}, ['other'], undefined],
  ['one of those wanted', { audiences: ['other'] }, ['b', 'other'], ['other']],
  ['none of those wanted', { audiences: ['other'] }, own, undefined],
])('audiences: %s', async (_, more, wanted, audiences) => {
  const { tokens } = webhook({ good: { authenticated: true, user: { username: 'jane' }, ...more } });
  expect((await tokens.authenticate('good', wanted))?.audiences).toEqual(audiences);
});

test('answers are kept, by token and audiences, also those of tokens that nobody knows', async () => {
  const { asked, clock, tokens } = webhook({ good: { authenticated: true, user: { username: 'jane' } } });
  for (let i = 0; i < 3; i++) {
    await tokens.authenticate('good', own);
    expect(await tokens.authenticate('bad', own)).toBeUndefined();
  }
  expect(asked).toHaveLength(2);
  await tokens.authenticate('good', ['other']);
  expect(asked).toHaveLength(3);
  await clock.advance(120_000);
  await tokens.authenticate('good', own);
  expect(asked).toHaveLength(4);
});

test('errors are not kept, and neither is anything without a time', async () => {
  const { asked, tokens } = webhook({ no: { authenticated: false, error: 'no such user' } });
  for (let i = 0; i < 2; i++)
    await expect(tokens.authenticate('no', own)).rejects.toThrow(new TokenError('no such user'));
  expect(asked).toHaveLength(2);
  const never = webhook({}, { cacheTtlMs: 0 });
  for (let i = 0; i < 2; i++) await never.tokens.authenticate('x', own);
  expect(never.asked).toHaveLength(2);
});

test('the same question is asked once at a time', async () => {
  const { asked, tokens } = webhook({});
  await Promise.all([1, 2, 3].map(() => tokens.authenticate('x', own)));
  expect(asked).toHaveLength(1);
});

test.each<[string, object | number, string, number]>([
  ['refuses', 404, 'the server could not find the requested resource', 1],
  ['is broken', 503, 'the server is currently unable to handle the request', 1],
  ['fails for now', 500, 'an error on the server ("x") has prevented the request from succeeding', 5],
  [
    'says odd things',
    { user: { groups: 'dev' }, authenticated: true },
    "the webhook's answer has a field groups of a wrong type",
    1,
  ],
])('where it %s, the token is refused with the reason', async (_, answer, message, times) => {
  const { asked, clock, tokens } = webhook({ x: answer });
  const refused = expect(tokens.authenticate('x', own)).rejects.toThrow(new TokenError(message));
  // Asked again after 0.5, 0.75, ... seconds and up to a fifth more.
  await clock.advance(10_000);
  await refused;
  expect(asked).toHaveLength(times);
});

test('an answer that is no such review counts for nothing', async () => {
  const body = Buffer.from('{"kind":"TokenReview","apiVersion":"v1","status":{"authenticated":true}}');
  const { tokens } = webhook({}, { post: () => Promise.resolve({ status: 200, body }) });
  await expect(tokens.authenticate('x', own)).rejects.toThrow(
    new TokenError('the webhook did not answer with a TokenReview of authentication.k8s.io/v1beta1'),
  );
});

test('on a server, it is asked last, and its word is shown by reviews', async () => {
  const { asked, hook } = webhook({
    good: { authenticated: true, user: { username: 'jane' } },
    no: { authenticated: false, error: 'no such user' },
  });
  const tokenFile = new Map([['known', { name: 'bob', groups: [] }]]);
  const options = { authentication: { tokenWebhook: hook, tokenFile } };
  const { server, admin } = await startTestServer(createVirtualClock(), createSeededRandom(1), options);
  try {
    const { post } = verbs(admin);
    const issued = await post('/api/v1/namespaces/default/serviceaccounts/default/token', { spec: {} });
    const { token: ofAccount = '' } = (issued as { status?: { token?: string } }).status ?? {};
    const review = async (token: string): Promise<unknown> =>
      ((await post('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token } })) as { status?: unknown }).status;
    expect(await review(ofAccount)).toMatchObject({ user: { username: 'system:serviceaccount:default:default' } });
    expect(await review('known')).toMatchObject({ user: { username: 'bob' } });
    expect(asked).toEqual([]);
    expect(await review('good')).toEqual({
      authenticated: true,
      user: { username: 'jane', groups: ['system:authenticated'] },
      audiences: own,
    });
    expect(await review('no')).toEqual({ user: {}, error: '[invalid bearer token, no such user]' });
    expect(await review('bad')).toEqual({ user: {}, error: 'invalid bearer token' });
    expect(asked.map(({ spec }) => spec.audiences)).toEqual([own, own, own]);
  } finally {
    await server.close();
  }
});
