// Finds the resolv.conf that pods can use: not the one that points at a stub on the node's own loopback.

import type { Files } from '../../lib/system.ts';
import { parseResolvConf } from './pod-dns.ts';

const usual = '/etc/resolv.conf';
const behindStub = '/run/systemd/resolve/resolv.conf';

const isLoopback = (ip: string): boolean => ip.startsWith('127.') || ip === '::1';

/** The path to read; empty where the node has none. A pod cannot reach the node's 127.0.0.53, so systemd-resolved's own list is preferred. */
export async function findResolvConf(files: Files): Promise<string> {
  const read = async (path: string): Promise<string[] | undefined> => {
    try {
      return parseResolvConf((await files.readFile(path)).toString('utf8')).servers;
    } catch {
      return undefined;
    }
  };
  const servers = await read(usual);
  if (servers && servers.length > 0 && servers.every(isLoopback) && (await read(behindStub))) return behindStub;
  return servers ? usual : '';
}
