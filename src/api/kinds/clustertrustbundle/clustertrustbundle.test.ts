// What a ClusterTrustBundle may hold, and what may be changed of it.
import { describe, expect, it, test } from 'vitest';
import { isCa, selfSigned } from '../../../../test/support/trust-anchor.ts';
import { fieldErrorText } from '../../meta/errors.ts';
import { pemBlocks, pemText } from '../../pki/pem.ts';
import { testKind } from '../test-kind.ts';
import { alphaClusterTrustBundleKind, clusterTrustBundleKind } from './definition.ts';

const { create, update, row } = testKind(clusterTrustBundleKind);
const context = { now: 0, user: 'u', dryRun: false, allowPrivileged: true };

/** What the checks of a new bundle find, or of one in the place of `before`: the anchors are looked at last. */
async function errorsOf(object: object, before?: object, signal = AbortSignal.timeout(60_000)): Promise<string[]> {
  const { object: made, errors } = before === undefined ? create(object) : update(before, object);
  const old = before === undefined ? undefined : update(before, before).object;
  const later = await clusterTrustBundleKind.strategy.validateLong?.(
    made as never,
    old as never,
    [],
    context,
    () => signal,
  );
  return [...errors, ...(later ?? []).map(fieldErrorText)];
}
const [one, two, leaf] = await Promise.all([selfSigned('one'), selfSigned('two'), selfSigned('leaf', [isCa(false)])]);
const bundle = (trustBundle: string, signerName?: string): object => ({
  spec: { trustBundle, ...(signerName === undefined ? {} : { signerName }) },
});
const named = (name: string, object: object): object => ({ ...object, metadata: { name } });
const broken = (text: string): string => text.replace(/M/, 'A');

describe('spec.trustBundle', () => {
  const wrong = (why: string): string[] => [`spec.trustBundle: Invalid value: "<value omitted>": ${why}`];
  it.each<[string, string, string[]]>([
    ['one anchor', one, []],
    ['two, with words around them', `first\n${one}second\n${two}`, []],
    ['none', '', wrong('at least one trust anchor must be provided')],
    ['words', 'trust me', wrong('at least one trust anchor must be provided')],
    ['a key', one.replaceAll('CERTIFICATE', 'PUBLIC KEY'), wrong('entry 0 has bad block type: PUBLIC KEY')],
    ['headers', one.replace('\n', '\nKey: value\n\n'), wrong('entry 0 has PEM block headers')],
    ['what is no certificate', one + broken(two), wrong('entry 1 does not parse as X.509')],
    ['no CA', leaf, wrong('entry 0 does not have the CA bit set')],
    ['one twice', one + two + one, wrong('duplicate trust anchor (indices [0 2])')],
    [
      'each fault, and of those no duplicates',
      one + leaf + one + broken(two),
      [...wrong('entry 1 does not have the CA bit set'), ...wrong('entry 3 does not parse as X.509')],
    ],
    ['too much', ' '.repeat(1024 * 1024 + 1), ['spec.trustBundle: Too long: may not be more than 1048576 bytes']],
  ])('%s', async (_, text, errors) => expect(await errorsOf(bundle(text))).toEqual(errors));
});

describe('its name and its signer', () => {
  it.each<[string, string | undefined, string[]]>([
    ['mine', undefined, []],
    ['mine', '', []],
    ['example.com:ca:mine', 'example.com/ca', []],
    [
      'example.com:ca:mine',
      undefined,
      [
        'metadata.name: Invalid value: "example.com:ca:mine": ClusterTrustBundle without signer name must not have ":" in its name',
      ],
    ],
    [
      'mine',
      'example.com/ca',
      [
        'metadata.name: Invalid value: "mine": ClusterTrustBundle for signerName example.com/ca must be named with prefix example.com:ca:',
      ],
    ],
    [
      'ca:mine',
      'ca',
      [
        'spec.signerName: Invalid value: "ca": must be a fully qualified domain and path of the form \'example.com/signer-name\'',
      ],
    ],
  ])('%s of %s', async (name, signer, errors) =>
    expect(await errorsOf(named(name, bundle(one, signer)))).toEqual(errors),
  );

  it('ends with a name like others', () => {
    const { errors } = create(named('example.com:ca:No', bundle(one, 'example.com/ca')));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain('a lowercase RFC 1123 subdomain must consist of');
  });
});

test('an update changes the anchors and not the signer; what is not changed is not read again', async () => {
  const old = named('example.com:ca:mine', bundle(one, 'example.com/ca'));
  expect(await errorsOf(named('example.com:ca:mine', bundle(two, 'example.com/ca')), old)).toEqual([]);
  expect(await errorsOf(named('example.com:ca:mine', bundle('', 'example.com/ca')), old)).toEqual([
    'spec.trustBundle: Invalid value: "<value omitted>": at least one trust anchor must be provided',
  ]);
  expect(await errorsOf(bundle('not any more'), bundle('not any more'))).toEqual([]);
  expect(await errorsOf(named('example.com:ca:mine', bundle(one, 'example.com/ca2')), old)).toEqual([
    'metadata.name: Invalid value: "example.com:ca:mine": ClusterTrustBundle for signerName example.com/ca2 must be named with prefix example.com:ca2:',
    'spec.signerName: Invalid value: "example.com/ca2": field is immutable',
  ]);
});

test('a long one is looked at in turns, until nobody waits for it any more', async () => {
  const der = pemBlocks(one)[0]!.der;
  const many = Array.from({ length: 100 }, (_, i) => {
    const other = Buffer.from(der);
    // The signature is nobody's concern here.
    other.writeUInt16BE(i, der.length - 8);
    return pemText('CERTIFICATE', other);
  }).join('');
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  expect(await errorsOf(bundle(many))).toEqual([]);
  done = true;
  expect(turns).toBeGreaterThan(2);
  await expect(errorsOf(bundle(many), undefined, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
});

test('the table tells the signer', () => {
  expect(row(bundle(one))).toEqual(['x', '<none>']);
  expect(row(bundle(one, 'example.com/ca'))).toEqual(['x', 'example.com/ca']);
});

test('both versions are stored as one', () => {
  const alpha = { apiVersion: 'certificates.k8s.io/v1alpha1', kind: 'ClusterTrustBundle', spec: { trustBundle: one } };
  const stored = alphaClusterTrustBundleKind.storage!.toStorage(alpha);
  expect(stored.apiVersion).toBe('certificates.k8s.io/v1beta1');
  expect(alphaClusterTrustBundleKind.storage!.fromStorage(stored)).toEqual(alpha);
});
