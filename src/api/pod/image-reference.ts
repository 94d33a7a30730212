// Container image names: registry, repository, tag and digest. Follows the distribution reference grammar.

export interface ImageReference {
  /** docker.io when the name gives none. */
  domain: string;
  /** library/ is put before a plain name of docker.io. */
  path: string;
  /** 'latest' when there is neither tag nor digest. */
  tag?: string;
  digest?: string;
}

const domain =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const digestPattern = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;

/** The parts of an image name, or undefined when it is none. */
export function parseImageReference(image: string): ImageReference | undefined {
  const [name = '', ...digests] = image.split('@');
  const digest = digests[0];
  if (digests.length > 1 || (digest !== undefined && !digestPattern.test(digest))) return undefined;
  const colon = name.lastIndexOf(':');
  const tagged = colon > name.lastIndexOf('/');
  const tag = tagged ? name.slice(colon + 1) : undefined;
  if (tag !== undefined && !tagPattern.test(tag)) return undefined;
  const split = splitDomain(tagged ? name.slice(0, colon) : name);
  if (!domain.test(split.domain) || !split.path.split('/').every((part) => component.test(part))) return undefined;
  if (split.path.length > 255) return undefined;
  if (tag !== undefined) return digest === undefined ? { ...split, tag } : { ...split, tag, digest };
  return digest === undefined ? { ...split, tag: 'latest' } : { ...split, digest };
}

function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isDomain = slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  const host = isDomain ? first : 'docker.io';
  const path = isDomain ? name.slice(slash + 1) : name;
  return host === 'docker.io' && !path.includes('/')
    ? { domain: host, path: `library/${path}` }
    : { domain: host === 'index.docker.io' ? 'docker.io' : host, path };
}
