// Hands out pod addresses from a node's IPv4 CIDR.

function toNumber(address: string): number | undefined {
  const parts = address.split('.');
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

const toText = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');

/** Addresses of one CIDR; the network's own, the gateway's (first) and the broadcast address are never given. */
export class AddressPool {
  readonly #first: number;
  readonly #size: number;
  readonly #taken = new Set<number>();
  #next = 0;

  /** Throws on anything but an IPv4 CIDR of at least four addresses. */
  constructor(cidr: string) {
    const [address = '', bits = ''] = cidr.split('/');
    const base = toNumber(address);
    if (base === undefined || !/^\d+$/.test(bits) || Number(bits) > 30) throw new Error(`${cidr} is not an IPv4 CIDR`);
    const total = 2 ** (32 - Number(bits));
    this.#first = base - (base % total) + 2;
    this.#size = total - 3;
  }

  /** The next free address, oldest freed last; undefined when all are taken. */
  take(): string | undefined {
    for (let tried = 0; tried < this.#size; tried++) {
      const offset = (this.#next + tried) % this.#size;
      if (this.#taken.has(offset)) continue;
      this.#taken.add(offset);
      this.#next = offset + 1;
      return toText(this.#first + offset);
    }
    return undefined;
  }

  release(address: string): void {
    const number = toNumber(address);
    if (number !== undefined) this.#taken.delete(number - this.#first);
  }
}
