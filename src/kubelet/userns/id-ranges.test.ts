import { describe, expect, it } from 'vitest';
import { allSpareIds, createIdRanges, parseSubordinateIds } from './id-ranges.ts';

const k = 65_536;
/** Four ranges, from 65536 on; random numbers point to the first, unless told otherwise. */
const four = (float = 0) => createIdRanges({ first: k, length: 4 * k }, 4, { float: () => float });

describe('parseSubordinateIds', () => {
  it.each([
    ['0: kubelet 65536 2147483648\n', { first: 65_536, length: 2_147_483_648 }],
    ['0:  kubelet\t65536 65536', { first: 65_536, length: 65_536 }],
  ])('%j', (text, expected) => expect(parseSubordinateIds(text)).toEqual(expected));
  it.each([
    ['', 'it must contain only one line'],
    ['0: kubelet 65536 65536\n1: kubelet 165536 65536\n', 'it must contain only one line'],
    ['0: kubelet 65536', 'invalid line "0: kubelet 65536"'],
    ['0: kubelet x 65536', '"x" is not a number of 32 bits'],
    ['0: kubelet 65536 -1', '"-1" is not a number of 32 bits'],
    ['0: kubelet 65536 4294967296', '"4294967296" is not a number of 32 bits'],
  ])('refuses %j', (text, message) => expect(() => parseSubordinateIds(text)).toThrow(message));
});

describe('what ranges are cut from', () => {
  it.each([
    [{ first: 0, length: 4 * k }, 'kubelet user assigned ID 0 must be greater or equal to 65536'],
    [{ first: 100_000, length: 4 * k }, 'kubelet user assigned ID 100000 is not a multiple of 65536'],
    [{ first: k, length: 4 * k + 1 }, 'kubelet user assigned IDs length 262145 is not a multiple of 65536'],
    [{ first: k, length: 3 * k }, 'kubelet user assigned IDs are not enough to support 4 pods'],
  ])('%j is refused', (span, message) =>
    expect(() => createIdRanges(span, 4, { float: () => 0 })).toThrow(new Error(message)),
  );
  it('is all of 32 bits but the IDs of the machine itself, where nobody says otherwise', () => {
    expect(allSpareIds.first + allSpareIds.length).toBe(2 ** 32);
    const last = createIdRanges(allSpareIds, 110, { float: () => 0.999_999_999 }).take('a');
    expect(last + k).toBe(2 ** 32);
  });
});

describe('ranges', () => {
  it('are given once each, from anywhere on and around, and again when they are given back', () => {
    const ranges = four(0.5);
    expect(['a', 'b', 'c', 'd'].map((uid) => ranges.take(uid))).toEqual([3 * k, 4 * k, k, 2 * k]);
    expect(() => ranges.take('e')).toThrow('could not find an empty slot to allocate a user namespace');
    ranges.release('b');
    expect(ranges.of('b')).toBeUndefined();
    expect(ranges.take('e')).toBe(4 * k);
    ranges.release('nobody');
  });
  it('that are known from before are not given to others', () => {
    const ranges = four();
    ranges.record('a', { first: k, length: k });
    ranges.record('a', { first: k, length: k });
    expect(ranges.of('a')).toBe(k);
    expect(ranges.take('b')).toBe(2 * k);
  });
  it.each([
    ['new', { first: k, length: 1000 }, 'wrong user namespace length 1000'],
    ['new', { first: k + 1, length: k }, 'wrong user namespace offset specified 65537'],
    ['new', { first: 5 * k, length: k }, 'id 327680 is out of range'],
    ['new', { first: 0, length: k }, 'id 0 is out of range'],
    ['new', { first: k, length: k }, 'range picked for pod "new" already taken'],
    ['old', { first: 2 * k, length: k }, 'different user namespace range already used by pod "old"'],
  ])('%s %j is refused', (uid, range, message) => {
    const ranges = four();
    ranges.record('old', { first: k, length: k });
    expect(() => ranges.record(uid, range)).toThrow(new Error(message));
  });
});
