import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';

/** A reference to an image or blob, in its full form. */
export interface ImageReference {
  /** With host and path: `docker.io/library/alpine`. */
  readonly name: string;
  readonly tag?: string;
  /** `sha256:…`. */
  readonly digest?: string;
}

const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const host =
  /^(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::[0-9]+)?$/;

/**
 * Reads a reference as Docker does: `alpine` is `docker.io/library/alpine`. A tag is not made up.
 *
 * @throws {BuildError} LLB_IMAGE_REFERENCE_INVALID when it breaks the grammar.
 * @see https://github.com/distribution/reference
 */
export function parseImageReference(text: string): ImageReference {
  const fail = (problem: string): never => {
    throw buildError(errors, 'LLB_IMAGE_REFERENCE_INVALID', { reference: text, problem });
  };
  if (/^[0-9a-f]{64}$/.test(text)) fail('64 hexadecimal digits are an id, not a name');
  const [beforeDigest = '', digest, ...more] = text.split('@');
  if (more.length > 0) fail('it has more than one @');
  if (
    digest !== undefined &&
    !/^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/.test(digest)
  ) {
    fail('its digest is not of the form sha256:HEX');
  }
  if (digest?.startsWith('sha256:') && !/^sha256:[0-9a-f]{64}$/.test(digest)) {
    fail('its digest is not 64 hexadecimal digits');
  }
  const colon = beforeDigest.indexOf(':', beforeDigest.lastIndexOf('/') + 1);
  const path = colon < 0 ? beforeDigest : beforeDigest.slice(0, colon);
  const tag = colon < 0 ? undefined : beforeDigest.slice(colon + 1);
  if (tag !== undefined && !/^\w[\w.-]{0,127}$/.test(tag)) fail('its tag is malformed');
  const [domain, remainder] = splitDomain(path);
  if (!host.test(domain)) fail(`its host "${domain}" is malformed`);
  if (remainder === '') fail('it has no name');
  if (remainder !== remainder.toLowerCase()) fail(`its name "${remainder}" has upper case letters`);
  if (!remainder.split('/').every((c) => component.test(c))) fail(`its name "${remainder}" is malformed`);
  const name = `${domain}/${remainder}`;
  if (name.length > 255) fail('its name is longer than 255 characters');
  return { name, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

function splitDomain(path: string): [domain: string, remainder: string] {
  const slash = path.indexOf('/');
  const first = path.slice(0, Math.max(slash, 0));
  const isDomain =
    slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  const domain = isDomain && first !== 'index.docker.io' ? first : 'docker.io';
  const remainder = isDomain ? path.slice(slash + 1) : path;
  return [
    domain,
    domain === 'docker.io' && remainder !== '' && !remainder.includes('/')
      ? `library/${remainder}`
      : remainder,
  ];
}

/** Writes a reference in its full form. */
export function formatImageReference({ name, tag, digest }: ImageReference): string {
  return `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}
