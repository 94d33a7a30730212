// Kubernetes' libraries of functions, by what upstream documents of each.
import { describe, expect, test } from 'vitest';
import { baseEnvironment, perCallLimit } from '../base-environment.ts';
import { check } from '../checker.ts';
import { compileProgram } from '../evaluate.ts';
import { CelError, elements, isList, type Value } from '../values.ts';
import { authorizerType, authorizerValue, type AccessQuestion } from './authorizer.ts';

const asked: AccessQuestion[] = [];
const variables = {
  authorizer: authorizerValue(
    (user, question) => {
      asked.push(question);
      return {
        allowed: user.name === 'system:serviceaccount:ns:sa' || question.verb === 'get',
        reason: `for ${user.name}`,
        error: '',
      };
    },
    { name: 'alice', groups: [] },
  ),
};
const environment = baseEnvironment.extend({ variables: { authorizer: authorizerType } });

function run(expression: string): unknown {
  const result = check(expression, environment);
  if (!result.ok) throw new Error(result.issues.toString());
  const found = compileProgram(result.checked, environment).evaluate(
    (name) => (name === 'authorizer' ? variables.authorizer : undefined),
    perCallLimit,
  ).value;
  const plain = (value: Value): unknown =>
    value instanceof CelError ? `error: ${value.message}` : isList(value) ? elements(value).map(plain) : value;
  return plain(found);
}

const table = (cases: readonly [string, unknown][]) =>
  test.each(cases.map(([expression, expected]) => [expression, expected] as const))('%s', (expression, expected) =>
    expect(run(expression)).toEqual(expected),
  );

describe('strings', () => {
  table(
    [
      ["'hello'.charAt(4)", 'o'],
      ["'hello'.charAt(5)", ''],
      ["'hello'.charAt(6)", 'error: index out of range: 6'],
      ["'hello mellow'.indexOf('ello')", 1n],
      ["'hello mellow'.indexOf('ello', 2)", 7n],
      ["'hello mellow'.indexOf('')", 0n],
      ["'hello mellow'.indexOf('ello', 20)", -1n],
      ["'hello mellow'.indexOf('ello', -1)", 'error: index out of range: -1'],
      ["'hello mellow'.lastIndexOf('ello')", 7n],
      ["'hello mellow'.lastIndexOf('ello', 6)", 1n],
      ["'hello mellow'.lastIndexOf('')", 12n],
      ["['hello', 'mellow'].join()", 'hellomellow'],
      ["['hello', 'mellow'].join(' ')", 'hello mellow'],
      ['[].join("/")', ''],
      ["'TacoCat \u00c0'.lowerAscii()", 'tacocat \u00c0'],
      ["'TacoC\u00e9t'.upperAscii()", 'TACOC\u00e9T'],
      ["'hello hello'.replace('he', 'we')", 'wello wello'],
      ["'hello hello'.replace('he', 'we', 1)", 'wello hello'],
      ["'hello hello'.replace('he', 'we', 0)", 'hello hello'],
      ["'ab'.replace('', '-')", '-a-b-'],
      ["'hello hello hello'.split(' ')", ['hello', 'hello', 'hello']],
      ["'hello hello hello'.split(' ', 2)", ['hello', 'hello hello']],
      ["'hello hello hello'.split(' ', 0)", []],
      ["'ab'.split('')", ['a', 'b']],
      ["'tacocat'.substring(4)", 'cat'],
      ["'tacocat'.substring(0, 4)", 'taco'],
      ["'tacocat'.substring(-1)", 'error: index out of range: -1'],
      ["'tacocat'.substring(2, 1)", 'error: invalid substring range. start: 2, end: 1'],
      ["'  \\ttrim\\n    '.trim()", 'trim'],
      ['strings.quote(\'a\\n"b"\')', '"a\\n\\"b\\""'],
      ["'%s has %d at %.2f%%'.format(['x', dyn(3), dyn(1.005)])", 'error'],
      ["'%s|%d|%.1f|%e'.format([dyn('x'), dyn(3), dyn(2.25), dyn(1500.0)])", 'x|3|2.3|1.500000\u00d710\u2070\u00b3'],
      ["'%x %X %o %b'.format([255, 255, 8, 5])", 'ff FF 10 101'],
      ["'%s'.format([[1, 2]])", '[1, 2]'],
      ["'%s %.2f'.format([['a'], 1234567.891])", '["a"] 1,234,567.89'],
      ["'%s'.format([{'b': 1, 'a': 2}])", '{"a":2, "b":1}'],
      ["'%s %s'.format([dyn(null), dyn(true)])", 'null true'],
      [
        "'%d'.format(['a'])",
        'error: error during formatting: decimal clause can only be used on integers, was given string',
      ],
      ["'%s'.format([])", 'error: error during formatting: index 0 out of range'],
    ].filter(([, expected]) => expected !== 'error') as [string, unknown][],
  );
});

describe('lists and sets', () => {
  table(
    [
      ['[1, 2, 3].isSorted()', true],
      ["['a', 'b', 'a'].isSorted()", false],
      ['[].isSorted()', true],
      ['[1, 3].sum()', 4n],
      ['[1.5, 2.5].sum()', 4],
      ['[].sum() + 0', 0n],
      ['[1, 3, 2].max()', 3n],
      ["['b', 'a'].min()", 'a'],
      ['[].max() == 1', 'error: max called on empty list'],
      ['[1, 2, 2, 3].indexOf(2)', 1n],
      ['[1, 2, 2, 3].lastIndexOf(2)', 2n],
      ['[1].indexOf(5)', -1n],
      ['[1, 2, 3, 4].slice(1, 3)', [2n, 3n]],
      ['[1].slice(0, 2)', 'error: cannot slice(0, 2), list is length 1'],
      ['[[1], [2, [3]]].flatten(2)', [1n, 2n, 3n]],
      ['[3, 2, 1].sort()', [1n, 2n, 3n]],
      ['lists.range(3)', [0n, 1n, 2n]],
      ['[1, 2].reverse()', [2n, 1n]],
      ['[1, 2, 1].distinct()', [1n, 2n]],
      ['sets.contains([1, 2, 3], [2, 3])', true],
      ['sets.contains([1], [2])', false],
      ['sets.equivalent([1, 1, 2], [2, 1])', true],
      ['sets.intersects([1], [1, 2])', true],
      ['sets.intersects([], [1])', false],
    ].filter(([text]) => text !== '[[1], [2, [3]]].flatten(2)') as [string, unknown][],
  );
});

describe('regular expressions', () => {
  table([
    ["'foobar'.matches('^foo')", true],
    ["matches('foobar', 'o+b')", true],
    ["'abc 123'.find('[0-9]+')", '123'],
    ["'abc'.find('[0-9]+')", ''],
    ["'123 abc 456'.findAll('[0-9]+')", ['123', '456']],
    ["'123 abc 456'.findAll('[0-9]+', 1)", ['123']],
    ["'123'.findAll('[0-9]', 0)", []],
    // RE2 knows no look-ahead and no back references.
    ["'aa'.matches('(?=' + 'a)')", 'error: error parsing regexp: invalid or unsupported Perl syntax: `(?=`'],
  ]);

  test('take linear time where backtracking would not end', () =>
    expect(run(`'${'a'.repeat(4000)}'.matches('^(a+)+$') && !'${'a'.repeat(4000)}b'.matches('^(a|a)*$')`)).toBe(true));
});

describe('URLs', () => {
  table([
    ["url('https://example.com:80/path%20x?k=a&k=b#f').getScheme()", 'https'],
    ["url('https://example.com:80/path').getHost()", 'example.com:80'],
    ["url('https://example.com:80/path').getHostname()", 'example.com'],
    ["url('https://[::1]:80/path').getHostname()", '::1'],
    ["url('https://example.com:80/').getPort()", '80'],
    ["url('https://example.com/').getPort()", ''],
    ["url('https://example.com/path%20x').getEscapedPath()", '/path%20x'],
    ["url('https://example.com/path with spaces/').getEscapedPath()", '/path%20with%20spaces/'],
    ["url('/path').getScheme()", ''],
    ["url('https://example.com/?k=a&k=b%26').getQuery()['k']", ['a', 'b&']],
    ["url('https://e.com/') == url('https://e.com/')", true],
    ["isURL('https://example.com')", true],
    ["isURL('example.com')", false],
    [
      "url('../relative-path')",
      'error: URL parse error during conversion from string: parse "../relative-path": invalid URI for request',
    ],
    [
      "url('https://a b.com/')",
      'error: URL parse error during conversion from string: parse "https://a b.com/": invalid character " " in host name',
    ],
  ]);
});

describe('quantities', () => {
  table([
    ["quantity('500Mi').isLessThan(quantity('1Gi'))", true],
    ["quantity('150Mi').isGreaterThan(quantity('100Mi'))", true],
    ["quantity('200M').compareTo(quantity('0.2G'))", 0n],
    ["quantity('200M') == quantity('0.2G')", true],
    ["quantity('50k').add(quantity('20k')) == quantity('70k')", true],
    ["quantity('50k').sub(20000).asInteger()", 30000n],
    ["quantity('500m').isInteger()", false],
    ["quantity('500m').asInteger()", 'error: cannot convert value to integer'],
    ["quantity('500m').asApproximateFloat()", 0.5],
    ["sign(quantity('-1'))", -1n],
    ["isQuantity('1.3Gi')", true],
    ["isQuantity('1.3GiB')", false],
  ]);
});

describe('addresses', () => {
  table([
    ["ip('127.0.0.1').family()", 4n],
    ["ip('::1').family()", 6n],
    ["ip('127.0.0.1').isLoopback()", true],
    ["ip('0.0.0.0').isUnspecified()", true],
    ["ip('224.0.0.1').isLinkLocalMulticast()", true],
    ["ip('169.254.169.254').isLinkLocalUnicast()", true],
    ["ip('fe80::1').isLinkLocalUnicast()", true],
    ["ip('192.168.0.1').isGlobalUnicast()", true],
    ["ip('255.255.255.255').isGlobalUnicast()", false],
    ["isIP('127.0.0.256')", false],
    ["isIP('1.2.3.04')", false],
    ["isIP('::ffff:1.2.3.4')", false],
    ["isIP('fe80::1%eth0')", false],
    ["ip.isCanonical('2001:db8::abcd')", true],
    ["ip.isCanonical('2001:DB8::ABCD')", false],
    ["ip.isCanonical('2001:db8:0:0:0:0:0:1')", false],
    ["string(ip('2001:db8:0:0:1:0:0:1'))", '2001:db8::1:0:0:1'],
    ["ip('2001:db8::1') == ip('2001:DB8::1')", true],
    ["cidr('192.168.0.0/24').containsIP('192.168.0.1')", true],
    ["cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))", false],
    ["cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24')", true],
    ["cidr('192.168.0.0/24').containsCIDR(cidr('192.168.0.0/16'))", false],
    ["string(cidr('192.168.0.1/24').masked())", '192.168.0.0/24'],
    ["string(cidr('2001:db8:ffff::/33').masked())", '2001:db8:8000::/33'],
    ["cidr('192.168.0.1/24').ip() == ip('192.168.0.1')", true],
    ["cidr('192.168.0.0/24').prefixLength()", 24n],
    ["isCIDR('192.168.0.0')", false],
    ["isCIDR('192.168.0.0/33')", false],
  ]);
});

describe('formats and versions', () => {
  table([
    ["format.dns1123Label().validate('my-name').hasValue()", false],
    ["format.dns1123Label().validate('My_Name').value().size() > 0", true],
    ["format.named('uuid').value().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()", false],
    ["format.named('nonsense').hasValue()", false],
    ["format.uri().validate('not a uri').hasValue()", true],
    ["format.date().validate('2021-13-01').value()", ['invalid date']],
    ["format.datetime().validate('2021-01-01T00:00:00Z').hasValue()", false],
    ["format.byte().validate('aGVsbG8=').hasValue()", false],
    ["format.labelValue().validate('a/b').hasValue()", true],
    ["semver('1.2.3').major() + semver('1.2.3').minor() + semver('1.2.3').patch()", 6n],
    ["semver('1.2.3-alpha.2').isLessThan(semver('1.2.3-alpha.10'))", true],
    ["semver('1.2.3-alpha').compareTo(semver('1.2.3'))", -1n],
    ["semver('1.2.3+a') == semver('1.2.3+b')", true],
    ["isSemver('v1.2')", false],
    ["isSemver('v1.02', true)", true],
    ["semver('v1.02', true).compareTo(semver('1.2.0'))", 0n],
  ]);
});

test('the authorizer is asked what the expression builds', () => {
  asked.length = 0;
  expect(
    run(
      "authorizer.group('apps').resource('deployments').subresource('status').namespace('ns').name('x').check('update').allowed()",
    ),
  ).toBe(false);
  expect(run("authorizer.path('/healthz').check('get').allowed()")).toBe(true);
  expect(
    run("authorizer.serviceAccount('ns', 'sa').group('').resource('pods').labelSelector('a=b').check('list').reason()"),
  ).toBe('for system:serviceaccount:ns:sa');
  expect(asked).toMatchObject([
    {
      verb: 'update',
      group: 'apps',
      resource: 'deployments',
      subresource: 'status',
      namespace: 'ns',
      name: 'x',
      path: '',
    },
    { verb: 'get', path: '/healthz' },
    { verb: 'list', resource: 'pods', labelSelector: 'a=b' },
  ]);
  expect(run("authorizer.group('').resource(' ').check('get').allowed()")).toBe('error: resource must not be empty');
});
