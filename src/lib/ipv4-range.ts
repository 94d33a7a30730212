// A range of IPv4 addresses such as 10.43.0.0/16.

export interface Ipv4Range {
  /** How many addresses it has. */
  readonly size: number;
  /** The address of that number, the first being 0. */
  at(index: number): string;
  /** The number of an address in it; undefined for one outside. */
  indexOf(address: string): number | undefined;
}

const toNumber = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const toText = (value: number): string => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

/** The range of a CIDR whose form was checked before. */
export function ipv4Range(cidr: string): Ipv4Range {
  const [address = '', bits = '32'] = cidr.split('/');
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(toNumber(address) / size) * size;
  return {
    size,
    at: (index) => toText(first + index),
    indexOf(other) {
      const index = toNumber(other) - first;
      return index >= 0 && index < size ? index : undefined;
    },
  };
}
