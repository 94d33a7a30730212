// The nat tables of iptables that the CNI portmap plugin brings into being: taken away again when nobody else uses them.

import type { Processes } from '../lib/system.ts';
import type { SharedState } from './sysctls.ts';

const natTables = ['ip nat', 'ip6 nat'];

/** Whether a table, as `nft list table` prints it, holds no rule: only chains with at most their hook and policy. */
export function holdsNoRule(listing: string): boolean {
  return listing
    .split('\n')
    .map((line) => line.trim())
    .every((line) => line === '' || line === '}' || /^(table|chain) .*\{$/.test(line) || /^type .*;$/.test(line));
}

/** Which nat tables there were before the first instance, and their removal, where they are empty, after the last. */
export function natTablesState(processes: Processes): SharedState {
  return {
    name: 'nat-tables',
    async read() {
      const { stdout } = await processes.run(['nft', 'list', 'tables']);
      return natTables.filter((table) => stdout.split('\n').includes(`table ${table}`)).join('\n');
    },
    async restore(before) {
      const kept = before.split('\n');
      for (const table of natTables.filter((name) => !kept.includes(name))) {
        const words = table.split(' ');
        const listing = await processes.run(['nft', 'list', 'table', ...words]);
        if (listing.exitCode === 0 && holdsNoRule(listing.stdout))
          await processes.run(['nft', 'delete', 'table', ...words]);
      }
    },
  };
}
